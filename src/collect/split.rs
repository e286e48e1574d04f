//! Finds values in the bytes of a JSON text without parsing them.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value;

use crate::plan::{Names, ScanError, Scanner, Step};

/// The most values that are selected in a text: a page has some hundreds of records.
pub(super) const MOST: usize = 100_000;

/// The places of all values that a plain path selects, in order. The whole text
/// is gone through, so that one that ends too early is noticed.
pub(super) fn select(text: &[u8], steps: &[Step]) -> Result<Vec<Range<usize>>, ScanError> {
    let mut found = Vec::new();
    Scanner::new(text).walk(steps, &mut found, Scanner::value)?;
    Ok(found)
}

/// Places in a text.
type Places = Vec<Range<usize>>;

/// A value that a path selects.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    /// Its place in the text.
    pub(super) place: Range<usize>,
    /// Where what is looked for stands in it; `None` where it is not known to be JSON.
    pub(super) firsts: Option<FirstPlaces>,
}

/// As [`select`], and looks into the values; with the places of the values that the first
/// `depth` steps select besides.
pub(super) fn select_within(
    text: &[u8],
    steps: &[Step],
    depth: usize,
    firsts: &Firsts,
) -> Result<(Vec<Selected>, Places), ScanError> {
    let (mut found, mut within) = (Vec::new(), Vec::new());
    let (above, below) = steps.split_at(depth);
    let mut scanner = Scanner::new(text);
    scanner.walk_to(above, &mut |scanner| {
        scanner.space();
        let start = scanner.at();
        if within.len() >= MOST {
            return Err(ScanError::TooMany);
        }
        scanner.walk(below, &mut found, |scanner| scanner.selected(firsts))?;
        within.push(start..scanner.at());
        Ok(())
    })?;
    Ok((found, within))
}

/// The first value that a plain path selects; stops there.
pub(super) fn first<'t>(text: &'t [u8], steps: &[Step]) -> Option<&'t [u8]> {
    let mut scanner = Scanner::new(text);
    for step in steps {
        scanner.enter(step).ok()??;
    }
    scanner.value().ok().map(|range| &text[range])
}

/// Plain paths, laid together so that one pass over a text finds the first value of
/// each.
#[derive(Debug, Default)]
pub(super) struct Firsts {
    /// How many paths there are.
    count: usize,
    root: Wanted,
}

/// The place of the first value of each path, by number.
pub(super) type FirstPlaces = Vec<Option<Range<usize>>>;

/// What is wanted of a value.
#[derive(Debug, Default)]
struct Wanted {
    /// The paths that end here.
    here: Vec<usize>,
    names: Names<Wanted>,
}

impl Firsts {
    /// Adds a path; its number, or `None` for one that is more than names.
    pub(super) fn add(&mut self, steps: &[Step]) -> Option<usize> {
        let mut at = &mut self.root;
        if !steps.iter().all(|step| matches!(step, Step::Name(_))) {
            return None;
        }
        for step in steps {
            let Step::Name(name) = step else { return None };
            at = at.names.entry(name);
        }
        at.here.push(self.count);
        self.count += 1;
        self.count.checked_sub(1)
    }

    /// The first value of each path, as [`first`] finds it; stops when all are found.
    pub(super) fn find(&self, text: &[u8]) -> FirstPlaces {
        let mut found = self.nothing(0);
        // What cannot be followed ends the search: what was found before stays.
        let _ = Scanner::new(text).firsts(&self.root, &mut found);
        found.places
    }

    /// As [`Firsts::find`], in a text that is gone through to its end; `None` where it
    /// is no JSON.
    pub(super) fn find_in_json(&self, text: &[u8]) -> Option<FirstPlaces> {
        let mut found = self.nothing(0);
        let mut scanner = Scanner::strict(text);
        scanner.firsts(&self.root, &mut found).ok()?;
        scanner.end().ok()?;
        Some(found.places)
    }

    fn nothing(&self, base: usize) -> Found {
        Found { base, places: vec![None; self.count], left: self.count }
    }
}

struct Found {
    /// From where places are counted.
    base: usize,
    places: FirstPlaces,
    left: usize,
}

/// The places of some values of a parsed text, by their addresses in `root`.
pub(super) fn places(
    text: &[u8],
    root: &Value,
    wanted: &[&Value],
) -> Result<Vec<Range<usize>>, ScanError> {
    let wanted: HashSet<*const Value> = wanted.iter().map(|v| std::ptr::from_ref(*v)).collect();
    let mut found = Vec::with_capacity(wanted.len());
    Scanner::new(text).pair(root, &wanted, &mut found)?;
    Ok(found)
}

impl Scanner<'_> {
    /// Skips a value, and looks into it if it is JSON.
    fn selected(&mut self, firsts: &Firsts) -> Result<Selected, ScanError> {
        let is_composite = matches!(self.peek()?, b'{' | b'[');
        let start = self.at();
        let mut found = firsts.nothing(start);
        let look = |scanner: &mut Self| scanner.firsts(&firsts.root, &mut found);
        if is_composite && self.strictly(look).is_some() {
            return Ok(Selected { place: start..self.at(), firsts: Some(found.places) });
        }
        Ok(Selected { place: self.value()?, firsts: None })
    }

    /// Skips a value, and notes what is wanted of it; false when all is found and the
    /// rest need not be looked at.
    fn firsts(&mut self, wanted: &Wanted, found: &mut Found) -> Result<bool, ScanError> {
        let open = self.peek()?;
        let start = self.at();
        if wanted.names.is_empty() || open != b'{' {
            self.value()?;
        } else {
            // The first of a name counts, and of that alone what is below it.
            let mut seen = vec![false; wanted.names.len()];
            let mut more = self.open(b'}')?;
            while more {
                let key = self.key()?;
                let of = wanted.names.find(&key);
                match of.filter(|(n, _)| !std::mem::replace(&mut seen[*n], true)) {
                    Some((_, of)) => {
                        if !self.firsts(of, found)? {
                            return Ok(false);
                        }
                    }
                    None => self.value().map(drop)?,
                }
                more = self.another(b'}')?;
            }
        }
        for n in &wanted.here {
            found.places[*n] = Some(start - found.base..self.at() - found.base);
            found.left -= 1;
        }
        Ok(found.left > 0 || self.is_strict())
    }

    fn walk<T>(
        &mut self,
        steps: &[Step],
        found: &mut Vec<T>,
        take: impl Fn(&mut Self) -> Result<T, ScanError>,
    ) -> Result<(), ScanError> {
        self.walk_to(steps, &mut |scanner| {
            if found.len() >= MOST {
                return Err(ScanError::TooMany);
            }
            found.push(take(scanner)?);
            Ok(())
        })
    }

    /// Skips a value; `each` skips those in it that a path selects.
    fn walk_to(
        &mut self,
        steps: &[Step],
        each: &mut dyn FnMut(&mut Self) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        let Some((step, rest)) = steps.split_first() else { return each(self) };
        match (step, self.peek()?) {
            (Step::Name(name), b'{') => {
                self.members(
                    |s, key| {
                        if key.is(name) { s.walk_to(rest, each) } else { s.value().map(drop) }
                    },
                )
            }
            (Step::All, b'{') => self.members(|s, _| s.walk_to(rest, each)),
            (Step::All, b'[') => self.items(|s, _| s.walk_to(rest, each)),
            (Step::Index(index), b'[') => {
                self.items(
                    |s, i| {
                        if i == *index { s.walk_to(rest, each) } else { s.value().map(drop) }
                    },
                )
            }
            _ => self.value().map(drop),
        }
    }

    /// Goes to the first value that a step selects; `None` where there is none.
    fn enter(&mut self, step: &Step) -> Result<Option<()>, ScanError> {
        let open = self.peek()?;
        let object = match (step, open) {
            (Step::Name(_) | Step::All, b'{') => true,
            (Step::Index(_) | Step::All, b'[') => false,
            _ => return Ok(None),
        };
        let close = if object { b'}' } else { b']' };
        let mut more = self.open(close)?;
        let mut index = 0;
        while more {
            let here = match step {
                Step::Name(name) => {
                    let key = self.key()?;
                    key.is(name)
                }
                Step::Index(wanted) => index == *wanted,
                Step::All if object => self.key().map(|_| true)?,
                Step::All => true,
            };
            if here {
                return Ok(Some(()));
            }
            self.value()?;
            index += 1;
            more = self.another(close)?;
        }
        Ok(None)
    }

    fn pair(
        &mut self,
        value: &Value,
        wanted: &HashSet<*const Value>,
        found: &mut Vec<Range<usize>>,
    ) -> Result<(), ScanError> {
        self.space();
        let (start, slot) = (self.at(), found.len());
        let hit = wanted.contains(&std::ptr::from_ref(value));
        if hit {
            found.push(0..0);
        }
        match (value, self.peek()?) {
            (Value::Array(values), b'[') => self.items(|s, i| match values.get(i) {
                Some(value) => s.pair(value, wanted, found),
                None => s.value().map(drop),
            })?,
            (Value::Object(map), b'{') => self.members(|s, key| match map.get(&*key.name()) {
                Some(value) => s.pair(value, wanted, found),
                None => s.value().map(drop),
            })?,
            _ => self.value().map(drop)?,
        }
        if hit {
            found[slot] = start..self.at();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{DEEPEST, Path};
    use crate::spec::Span;

    fn path(text: &str) -> Path {
        Path::parse(text, Span { file: 0, start: 0, end: 0 }).unwrap()
    }

    fn texts(json: &str, at: &str) -> Result<Vec<String>, ScanError> {
        let found = select(json.as_bytes(), path(at).steps().unwrap())?;
        Ok(found.into_iter().map(|r| json[r].to_owned()).collect())
    }

    const REPLY: &str = r#" { "a\u0062" : 1.50, "n": {"x": [ {"i": "]\"}\\"} , 2e1 ,null,[[]] ]},
        "o": {"p": {"q": 1}, "r": {"q": "2"}}, "e": [ ] } "#;

    #[test]
    fn values_are_found_as_they_were_written() {
        for (at, expected) in [
            ("$.n.x[*]", vec![r#"{"i": "]\"}\\"}"#, "2e1", "null", "[[]]"]),
            ("$.n.x[1]", vec!["2e1"]),
            ("$.ab", vec!["1.50"]),
            ("$.o[*].q", vec!["1", "\"2\""]),
            ("$.e[*]", vec![]),
            ("$.e", vec!["[ ]"]),
            ("$.n.y[*]", vec![]),
            ("$.ab[*]", vec![]),
        ] {
            assert_eq!(texts(REPLY, at).unwrap(), expected, "{at}");
            let one = first(REPLY.as_bytes(), path(at).steps().unwrap());
            assert_eq!(one, expected.first().map(|t| t.as_bytes()), "{at}");
        }
        assert_eq!(texts(" [1, 2]", "$[*]").unwrap(), ["1", "2"]);
        assert_eq!(texts(" [1, 2]", "$").unwrap(), ["[1, 2]"]);
    }

    #[test]
    fn several_paths_are_found_in_one_pass() {
        let paths = ["$.n.x", "$.ab", "$.o", "$.o.r.q", "$.o.r.z", "$.ab", "$.n.y.z", "$.e"];
        let mut firsts = Firsts::default();
        for (n, at) in paths.iter().enumerate() {
            assert_eq!(firsts.add(path(at).steps().unwrap()), Some(n), "{at}");
        }
        assert_eq!(firsts.add(path("$.n.x[0]").steps().unwrap()), None);
        let twice = r#"{"ab": {"c": 1}, "ab": 2, "n": {"x": 3}, "n": {"y": {"z": 4}}}"#;
        for text in [REPLY, twice, &REPLY[..60], "{}", "[1]", "7", ""] {
            let found = firsts.find(text.as_bytes());
            for (at, found) in paths.iter().zip(found) {
                let found = found.map(|place| &text.as_bytes()[place]);
                let alone = first(text.as_bytes(), path(at).steps().unwrap());
                assert_eq!(found, alone, "{at} in {text}");
            }
        }
    }

    #[test]
    fn lists_have_their_places_beside_those_of_their_items() {
        let steps = path("$.o[*].q");
        let (text, steps) = (REPLY.as_bytes(), steps.steps().unwrap());
        let (items, lists) = select_within(text, steps, 1, &Firsts::default()).unwrap();
        let items: Vec<_> = items.into_iter().map(|item| &REPLY[item.place]).collect();
        assert_eq!(items, ["1", "\"2\""]);
        let lists: Vec<_> = lists.into_iter().map(|list| &REPLY[list]).collect();
        assert_eq!(lists, [r#"{"p": {"q": 1}, "r": {"q": "2"}}"#]);
    }

    /// Looks into the records of a page; they are those that a search by brackets alone
    /// finds, and each is judged as it is on its own.
    fn looked_into(page: &[u8]) -> Vec<bool> {
        let mut firsts = Firsts::default();
        for at in ["$.id", "$.f", "$.f.n", "$.f.m.k", "$.f.m"] {
            firsts.add(path(at).steps().unwrap());
        }
        let steps = path("$.l[*]");
        let steps = steps.steps().unwrap();
        let looked = select_within(page, steps, 1, &firsts).map(|(records, _)| records);
        assert_eq!(looked.clone().map(|r| r.into_iter().map(|r| r.place).collect()), {
            select(page, steps)
        });
        let judge = |record: Selected| {
            let text = &page[record.place];
            let alone = firsts.find_in_json(text).filter(|_| matches!(text[0], b'{' | b'['));
            assert_eq!(record.firsts, alone, "{}", String::from_utf8_lossy(text));
            alone.is_some()
        };
        looked.unwrap_or_default().into_iter().map(judge).collect()
    }

    #[test]
    fn what_is_wrong_in_a_record_is_wrong_in_it_alone() {
        let page = |wrong: &str| {
            let good = r#"{"f":{"n":1,"m":{"k":"\n"}},"id":"7"}"#;
            format!(r#"{{"l":[{good},{wrong}, {good} ,7],"n":{{}}}}"#)
        };
        for wrong in [
            "{\"id\":nope}",
            "{\"id\":1 2}",
            "{\"id\":\"\\x\"}",
            "{\"id\":\"a\tb\"}",
            "{\"id\":\"\\u12\"}",
            "{\"f\":{\"n\":01}}",
            "{\"id\":1\u{c}}",
            "{\"id\"}",
            "[1,]",
            "{id:1}",
            "nope",
        ] {
            assert_eq!(looked_into(page(wrong).as_bytes()), [true, false, true, false], "{wrong}");
        }
        let deep = |depth| format!(r#"{{"f":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(looked_into(page(&deep(1_000)).as_bytes()), [true, true, true, false]);
        // More than a page may have.
        let steps = path("$.l[*]");
        let page = page(&deep(DEEPEST));
        let looked = select_within(page.as_bytes(), steps.steps().unwrap(), 1, &Firsts::default());
        assert!(matches!(looked, Err(ScanError::TooDeep(_))));
    }

    proptest! {
        #[test]
        fn records_of_a_page_that_is_changed_are_judged_as_each_alone(
            at in 0_usize..200,
            byte in prop::sample::select(&b"{}[],:\"\\ \n01-.eE+tfnu\x01a"[..]),
        ) {
            let whole = br#"{"l": [{"id":"1","f":{"n":null,"m":{"k":[1,-2.5e+3]}}}, {"f":{"m":7},"id":"\u00e9\n"},[1],{}, {"x":true,"f":[{"n":1}],"id":2}],"n":"x"}"#;
            let mut changed = whole.to_vec();
            let at = at % whole.len();
            changed[at] = byte;
            looked_into(&changed);
            changed.insert(at, byte);
            looked_into(&changed);
            looked_into(&whole[..at]);
        }
    }

    #[test]
    fn every_prefix_of_a_reply_is_cut() {
        let whole = REPLY.trim_end();
        for end in 0..whole.len() {
            assert_eq!(texts(&whole[..end], "$.n.x[*]"), Err(ScanError::Cut), "{end}");
        }
    }

    #[test]
    fn what_is_no_json_is_no_json_at_its_byte() {
        assert_eq!(texts(r#"{"x": [1 2]}"#, "$.x"), Ok(vec!["[1 2]".into()]));
        assert_eq!(texts(r#"{"x": [{} {}]}"#, "$.x[*]"), Err(ScanError::NotJson(10)));
        assert_eq!(texts(r#"{"x": ]}"#, "$.y"), Err(ScanError::NotJson(6)));
        assert_eq!(texts(r#"{"x": [}}"#, "$.y"), Err(ScanError::NotJson(7)));
        assert_eq!(texts("{x: 1}", "$.y"), Err(ScanError::NotJson(1)));
        let many = format!("[{}1]", "1,".repeat(MOST));
        assert_eq!(texts(&many, "$[*]"), Err(ScanError::TooMany));
        let deep = "[".repeat(DEEPEST + 1);
        assert_eq!(texts(&deep, "$"), Err(ScanError::TooDeep(DEEPEST + 1)));
    }

    #[test]
    fn values_of_a_query_have_their_places() {
        let json = r#"{"l": [{"n": 1.0}, {"n": 2, "p": [ ]}, {"n": 1.00}]}"#;
        let root: Value = serde_json::from_str(json).unwrap();
        let path = path("$.l[?!@.p]");
        let found = places(json.as_bytes(), &root, &path.all(&root)).unwrap();
        let found: Vec<_> = found.into_iter().map(|r| &json[r]).collect();
        assert_eq!(found, [r#"{"n": 1.0}"#, r#"{"n": 1.00}"#]);
    }
}
