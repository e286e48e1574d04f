//! Names that are looked for among the members of objects.

use super::scan::Key;

const SLOTS: usize = 64;

/// More than one name has this slot, or its number is too great for one.
const SEVERAL: u8 = u8::MAX;

/// Names, each with something of its own. Most members of an object have none of them,
/// which a look at their length and last letters shows.
#[derive(Debug, Clone)]
pub struct Names<T> {
    entries: Vec<(String, T)>,
    /// By what a name looks like: one more than its number, or 0 for none.
    slots: [u8; SLOTS],
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), slots: [0; SLOTS] }
    }
}

impl<T> Names<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.entries.iter().map(|(name, of)| (name.as_str(), of))
    }

    /// What the names have.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, of)| of)
    }

    /// What a name has, made where there is nothing yet.
    pub fn entry(&mut self, name: &str) -> &mut T
    where
        T: Default,
    {
        let at = self.entries.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            self.entries.push((name.to_owned(), T::default()));
            let slot = &mut self.slots[slot(name.as_bytes())];
            let number = u8::try_from(self.entries.len()).unwrap_or(SEVERAL);
            *slot = if *slot == 0 { number } else { SEVERAL };
            self.entries.len() - 1
        });
        &mut self.entries[at].1
    }

    /// The number of a name, and what it has.
    #[inline]
    pub fn find(&self, key: &Key) -> Option<(usize, &T)> {
        let at = match self.slots[slot(key.raw)] {
            _ if key.escaped => return self.search(key),
            0 => return None,
            SEVERAL => return self.search(key),
            number => usize::from(number) - 1,
        };
        let (known, of) = &self.entries[at];
        (known.as_bytes() == key.raw).then_some((at, of))
    }

    #[inline(never)]
    fn search(&self, key: &Key) -> Option<(usize, &T)> {
        let at = self.entries.iter().position(|(known, _)| key.is(known))?;
        Some((at, &self.entries[at].1))
    }
}

/// What a name looks like.
#[inline]
fn slot(name: &[u8]) -> usize {
    let (last, before) = match name {
        [.., before, last] => (*last, *before),
        [last] => (*last, 0),
        [] => (0, 0),
    };
    let letters = usize::from(last) * 5 + usize::from(before) * 3;
    (name.len() + letters) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(raw: &str, escaped: bool) -> Key<'_> {
        Key { raw: raw.as_bytes(), escaped }
    }

    #[test]
    fn of_any_number_of_names_each_is_found() {
        for count in [0, 1, 2, 20, 300] {
            let mut names = Names::default();
            for n in 0..count {
                *names.entry(&format!("n{n}")) = n;
                *names.entry(&format!("n{n}")) += 1;
            }
            for n in 0..count {
                let found = names.find(&key(&format!("n{n}"), false));
                assert_eq!(found, Some((n, &(n + 1))));
                let escaped = format!("\\u006e{n}");
                assert_eq!(names.find(&key(&escaped, true)).map(|(at, _)| at), Some(n));
            }
            for other in ["", "n", "x0", "n999", "0"] {
                assert_eq!(names.find(&key(other, false)), None, "{other}");
            }
        }
    }
}
