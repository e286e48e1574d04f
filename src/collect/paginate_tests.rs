use std::collections::BTreeSet;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::plan::Path;
use crate::spec::Span;
use crate::store::{Body, Cursor, NewRecord, PageCommit, SqliteStore, Store as _};

fn path(text: &str) -> Path {
    Path::parse(text, Span { file: 0, start: 0, end: 0 }).unwrap()
}

fn keyset() -> PaginationKind {
    PaginationKind::Keyset { after: path("$.key"), order: KeyOrder::Natural, ranges: None }
}

fn kinds() -> [PaginationKind; 6] {
    [
        keyset(),
        PaginationKind::Offset { offset_param: None },
        PaginationKind::Page { page_param: None, first: 1 },
        PaginationKind::Cursor { token: path("$.next"), cursor_param: None, last: None },
        PaginationKind::LinkHeader,
        PaginationKind::NextUrl { url: path("$.next") },
    ]
}

fn key(number: u32) -> String {
    format!("K-{number}")
}

fn number(key: &str) -> u32 {
    key[2..].parse().unwrap()
}

fn digest(keys: &[Option<String>]) -> u64 {
    xxh3_64(format!("{keys:?}").as_bytes())
}

/// What may go wrong with one reply.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Repeated,
    Empty,
    MovingTotal(i64),
    Clamped(usize),
}

/// A server with numbered records that answers any kind of paging.
struct Server {
    numbers: Vec<u32>,
    before: Option<Seen>,
}

impl Server {
    fn reply(&mut self, kind: &PaginationKind, at: &At, limit: usize, fault: Fault) -> Seen {
        let limit = if let Fault::Clamped(cap) = fault { limit.min(cap) } else { limit };
        // Pages by number have the size that was agreed on.
        let (from, limit) = match at {
            At::Single => (0, self.numbers.len()),
            At::Key { after, .. } => {
                let after = after.as_deref().map_or(0, number);
                (self.numbers.partition_point(|n| *n <= after), limit)
            }
            At::Offset(offset) => (*offset as usize, limit),
            At::Number(page) => ((*page as usize - 1) * 7, 7),
            At::Token(t) | At::Url(t) => {
                (t.as_ref().map_or(0, |t| t.rsplit('/').next().unwrap().parse().unwrap()), limit)
            }
        };
        let from = from.min(self.numbers.len());
        let to = (from + limit).min(self.numbers.len());
        let keys: Vec<_> = self.numbers[from..to].iter().map(|n| Some(key(*n))).collect();
        let rest = if matches!(at, At::Key { .. }) { from } else { 0 };
        let mut total = Some((self.numbers.len() - rest) as u64);
        let next = (to < self.numbers.len()).then(|| to.to_string());
        let mut seen = Seen {
            digest: digest(&keys),
            came: keys.len(),
            keys,
            total,
            token: next.clone(),
            url: next.map(|n| format!("https://h.example/{n}")),
            last: false,
        };
        match fault {
            Fault::Repeated if !matches!(kind, PaginationKind::None) => {
                if let Some(before) = &self.before {
                    seen = Seen { total: seen.total, ..before.clone() };
                }
            }
            Fault::Empty => {
                (seen.keys, seen.came) = (Vec::new(), 0);
                seen.digest = digest(&[]);
            }
            Fault::MovingTotal(by) => total = total.map(|t| t.saturating_add_signed(by)),
            _ => {}
        }
        if fault != Fault::Repeated && fault != Fault::Empty {
            seen.total = total;
            self.before = Some(seen.clone());
        }
        seen
    }
}

/// Walks until the end. What was taken, or why it failed.
fn walk(
    kind: &PaginationKind,
    server: &mut Server,
    faults: &mut dyn Iterator<Item = Fault>,
    change: &mut dyn FnMut(usize, &mut Server),
) -> Result<Vec<u32>, String> {
    let (mut pager, mut position) = (Pager::new(kind), Position::start(kind));
    let mut taken = Vec::new();
    for request in 0..2_000 {
        change(request, server);
        let seen = server.reply(kind, &position.at, 7, faults.next().unwrap_or(Fault::None));
        match pager.advance(&position, &seen) {
            Step::Taken { next, keep, done } => {
                taken.extend(seen.keys[..keep].iter().flatten().map(|k| number(k)));
                // A checkpoint survives the store.
                let stored = serde_json::to_value(&next).unwrap();
                position = serde_json::from_value(stored).unwrap();
                if done {
                    return Ok(taken);
                }
            }
            Step::Again(_) => {}
            Step::Fail(reason) => return Err(reason),
        }
    }
    Err(String::from("no end"))
}

fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Faults that go away, at most three in a row.
fn passing() -> impl Strategy<Value = Vec<Fault>> {
    let one = prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::Repeated),
        1 => Just(Fault::Empty),
        1 => (1..7_usize).prop_map(Fault::Clamped),
    ];
    prop::collection::vec(one, 0..60).prop_map(|mut faults| {
        for i in 3..faults.len() {
            let bad = |f: &Fault| matches!(f, Fault::Repeated | Fault::Empty);
            if faults[i - 3..i].iter().all(bad) {
                faults[i] = Fault::None;
            }
        }
        faults
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_taken_whatever_passes(
        numbers in prop::collection::btree_set(1..400_u32, 0..80),
        faults in passing(),
    ) {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        for kind in kinds() {
            // Pages by number keep their size; an empty page without a token is
            // the end.
            let linked = matches!(kind, PaginationKind::Cursor { .. }
                | PaginationKind::LinkHeader | PaginationKind::NextUrl { .. });
            let numbered = matches!(kind, PaginationKind::Page { .. });
            let mut faults = faults.iter().map(|fault| match fault {
                Fault::Clamped(_) if numbered => Fault::None,
                Fault::Empty if linked => Fault::None,
                fault => *fault,
            });
            let mut server = Server { numbers: numbers.clone(), before: None };
            let taken = walk(&kind, &mut server, &mut faults, &mut |_, _| {});
            prop_assert_eq!(taken, Ok(numbers.clone()));
        }
    }

    #[test]
    fn a_keyset_takes_what_existed_throughout(
        numbers in prop::collection::btree_set(1..400_u32, 1..80),
        changes in prop::collection::vec((0..20_usize, 1..500_u32), 0..30),
        faults in passing(),
    ) {
        let before: Vec<u32> = numbers.into_iter().collect();
        let mut removed = Vec::new();
        let mut server = Server { numbers: before.clone(), before: None };
        let taken = walk(&keyset(), &mut server, &mut faults.into_iter(), &mut |request, server| {
            for (_, n) in changes.iter().filter(|c| c.0 == request) {
                match server.numbers.binary_search(n) {
                    Ok(i) => {
                        server.numbers.remove(i);
                        removed.push(*n);
                    }
                    Err(i) => server.numbers.insert(i, *n),
                }
            }
        });
        let taken = taken.unwrap();
        for n in before.iter().filter(|n| !removed.contains(n)) {
            prop_assert!(taken.contains(n), "{} is missing", n);
        }
    }

    #[test]
    fn a_total_that_moves_ends_no_walk_without_a_difference_that_counting_finds(
        numbers in prop::collection::btree_set(1..400_u32, 0..80),
        by in prop::collection::vec(-4..4_i64, 0..40),
    ) {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        for kind in kinds() {
            let mut server = Server { numbers: numbers.clone(), before: None };
            let mut faults = by.iter().map(|by| Fault::MovingTotal(*by));
            let taken = sorted(walk(&kind, &mut server, &mut faults, &mut |_, _| {}).unwrap());
            // Only ever what there is; all of it unless the number says so.
            prop_assert!(taken.iter().all(|n| numbers.contains(n)));
            prop_assert!(taken.len() < numbers.len() || taken == numbers);
        }
    }

    #[test]
    fn ranges_take_each_record_once(
        numbers in prop::collection::btree_set(1..400_u32, 2..80),
        cuts in prop::collection::btree_set(1..400_u32, 0..5),
        clamps in prop::collection::vec(1..9_usize, 0..40),
    ) {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        let cuts: Vec<String> = cuts.into_iter().map(key).collect();
        let mut taken = Vec::new();
        for i in 0..=cuts.len() {
            let (after, end) = (i.checked_sub(1).map(|i| cuts[i].clone()), cuts.get(i).cloned());
            let mut position =
                Position::at(At::Key { after, end, fallbacks: Vec::new() });
            let (mut pager, mut clamps) = (Pager::new(&keyset()), clamps.iter());
            let mut server = Server { numbers: numbers.clone(), before: None };
            loop {
                let fault = clamps.next().map_or(Fault::None, |c| Fault::Clamped(*c));
                let seen = server.reply(&keyset(), &position.at, 7, fault);
                let Step::Taken { next, keep, done } = pager.advance(&position, &seen) else {
                    panic!("refused");
                };
                taken.extend(seen.keys[..keep].iter().flatten().map(|k| number(k)));
                position = next;
                if done {
                    break;
                }
            }
        }
        prop_assert_eq!(taken, numbers);
    }
}

/// Walks over servers of their own into one store.
struct Walks {
    folder: tempfile::TempDir,
    store: SqliteStore,
    walks: Vec<Walk>,
}

struct Walk {
    kind: PaginationKind,
    server: Server,
    pager: Pager,
    position: Position,
    is_done: bool,
}

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kill {
    Never,
    BeforeCommit,
    AfterCommit,
}

impl Walks {
    fn new(walks: &[(usize, BTreeSet<u32>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(&folder.path().join("store.db")).unwrap();
        let walk = |(kind, numbers): &(usize, BTreeSet<u32>)| {
            let kind = kinds().into_iter().nth(*kind).unwrap();
            let (pager, position) = (Pager::new(&kind), Position::start(&kind));
            let server = Server { numbers: numbers.iter().copied().collect(), before: None };
            Walk { kind, server, pager, position, is_done: false }
        };
        Self { folder, store, walks: walks.iter().map(walk).collect() }
    }

    /// One request of a walk, and its commit.
    fn step(&mut self, number: usize, fault: Fault, kill: Kill) {
        let walk = &mut self.walks[number];
        let seen = walk.server.reply(&walk.kind, &walk.position.at, 7, fault);
        let (next, keep, done) = match walk.pager.advance(&walk.position, &seen) {
            Step::Taken { next, keep, done } => (next, keep, done),
            Step::Again(_) => return,
            Step::Fail(reason) => panic!("{reason}"),
        };
        if kill != Kill::BeforeCommit {
            let record = |key: &String| NewRecord {
                primary_key: format!("{number} {key}"),
                sort_key: order_key(KeyOrder::Natural, key),
                version: String::new(),
                body: Body::pack(key.as_bytes()).unwrap(),
                original: None,
                pending: Vec::new(),
            };
            let position = serde_json::to_value(&next).unwrap();
            let page = PageCommit {
                stream: "issues".into(),
                partition: number.to_string(),
                seq: self.store.last_seq().unwrap() + 1,
                records: seen.keys[..keep].iter().flatten().map(record).collect(),
                rejects: Vec::new(),
                cursor: Some(Cursor { range: 0, position, done }),
            };
            self.store.commit_page(&page).unwrap();
            (walk.position, walk.is_done) = (next, done);
        }
        if kill != Kill::Never {
            self.begin_again();
        }
    }

    /// A new process: all that it knows is in the store.
    fn begin_again(&mut self) {
        self.store = SqliteStore::open(&self.folder.path().join("store.db")).unwrap();
        for (number, walk) in self.walks.iter_mut().enumerate() {
            walk.pager = Pager::new(&walk.kind);
            // A page of before that comes once more is told from what is stored by the
            // closing count alone.
            walk.server.before = None;
            let cursors = self.store.cursors("issues", &number.to_string()).unwrap();
            (walk.position, walk.is_done) = match cursors.into_iter().next() {
                Some(cursor) => (serde_json::from_value(cursor.position).unwrap(), cursor.done),
                None => (Position::start(&walk.kind), false),
            };
        }
    }

    /// The numbers of the records that the store holds for a walk, in the order of a build.
    fn held(&self, walk: usize) -> Vec<u32> {
        let mut held = Vec::new();
        let reader = self.store.reader().unwrap();
        reader
            .records("issues", &[walk.to_string()], &mut |record| {
                let body = String::from_utf8(record.body.unpack().unwrap().to_vec()).unwrap();
                assert_eq!(record.primary_key, format!("{walk} {body}"));
                held.push(number(&body));
                ControlFlow::Continue(())
            })
            .unwrap();
        held
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pages of several walks arrive in any order and meet faults, and the process is
    /// killed before or after commits: the store holds what the servers have, once.
    #[test]
    fn any_interleaving_of_pages_faults_and_kills_gives_the_same_content(
        walks in prop::collection::vec((0..6_usize, prop::collection::btree_set(1..400_u32, 0..40)), 1..4),
        faults in prop::collection::vec(passing(), 3),
        turns in prop::collection::vec((any::<prop::sample::Index>(), 0..9_u8), 0..60),
    ) {
        let mut all = Walks::new(&walks);
        let mut faults: Vec<_> = faults.iter().map(|faults| faults.iter()).collect();
        for (pick, kill) in turns {
            let left: Vec<usize> = (0..walks.len()).filter(|n| !all.walks[*n].is_done).collect();
            if left.is_empty() {
                break;
            }
            let number = left[pick.index(left.len())];
            let fault = match (faults[number].next().copied().unwrap_or(Fault::None), walks[number].0) {
                // As above: pages by number, and empty pages without a token.
                (Fault::Clamped(_), 2) | (Fault::Empty, 3..) => Fault::None,
                (fault, _) => fault,
            };
            let kill = match kill {
                0 => Kill::BeforeCommit,
                1 => Kill::AfterCommit,
                _ => Kill::Never,
            };
            all.step(number, fault, kill);
        }
        for (number, (_, numbers)) in walks.iter().enumerate() {
            while !all.walks[number].is_done {
                all.step(number, Fault::None, Kill::Never);
            }
            prop_assert_eq!(all.held(number), numbers.iter().copied().collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_server_that_ignores_the_parameter_ends_in_words() {
    let page = Seen {
        keys: (1..8).map(|n| Some(key(n))).collect(),
        came: 7,
        total: Some(100),
        token: Some("0".into()),
        url: Some("https://h.example/0".into()),
        digest: 1,
        last: false,
    };
    for kind in kinds() {
        let (mut pager, mut position) = (Pager::new(&kind), Position::start(&kind));
        let mut requests = 0;
        let reason = loop {
            requests += 1;
            match pager.advance(&position, &page) {
                Step::Taken { next, done: false, .. } => position = next,
                Step::Again(_) => {}
                Step::Taken { .. } => panic!("called complete"),
                Step::Fail(reason) => break reason,
            }
        };
        assert!(requests < 10, "{requests}");
        assert!(reason.contains("again") || reason.contains("before"), "{reason}");
    }
}

#[test]
fn empty_pages_with_ever_new_tokens_end() {
    for kind in kinds().into_iter().skip(3) {
        let (mut pager, mut position) = (Pager::new(&kind), Position::start(&kind));
        for i in 0.. {
            let next = Some(format!("https://h.example/{i}"));
            let seen = Seen { token: next.clone(), url: next, ..Seen::default() };
            match pager.advance(&position, &seen) {
                Step::Taken { next, done: false, .. } => position = next,
                Step::Again(_) => assert!(i < 200),
                Step::Taken { .. } => panic!("called complete"),
                Step::Fail(reason) => {
                    assert!(reason.contains("without records"), "{reason}");
                    break;
                }
            }
        }
    }
}

#[test]
fn an_empty_page_ends_a_keyset_only_where_nothing_says_otherwise() {
    let position = Position::at(At::after(Some("K-7".into())));
    let empty = |total| Seen { total, ..Seen::default() };
    for total in [None, Some(0)] {
        let step = Pager::new(&keyset()).advance(&position, &empty(total));
        assert!(matches!(step, Step::Taken { done: true, keep: 0, ref next } if *next == position));
    }
    let mut pager = Pager::new(&keyset());
    for _ in 0..3 {
        assert!(matches!(pager.advance(&position, &empty(Some(3))), Step::Again(_)));
    }
    // The closing count finds out.
    assert!(matches!(pager.advance(&position, &empty(Some(3))), Step::Taken { done: true, .. }));
}

#[test]
fn a_wrong_order_is_named() {
    let keys = ["K-1", "K-10", "K-2"].map(|k| Some(k.to_owned())).to_vec();
    let seen = Seen { keys, total: Some(9), ..Seen::default() };
    let (mut pager, start) = (Pager::new(&keyset()), Position::start(&keyset()));
    for _ in 0..3 {
        assert!(matches!(pager.advance(&start, &seen), Step::Again(_)));
    }
    let Step::Fail(reason) = pager.advance(&start, &seen) else { panic!() };
    assert!(reason.contains("K-10 before K-2"), "{reason}");
}

#[test]
fn a_cut_page_leaves_the_checkpoint_where_nothing_is_lost() {
    let keys = [Some("K-1"), None, Some("K-3")].map(|k| k.map(str::to_owned));
    let start = Position::start(&keyset());
    let after = |position: &Position| match &position.at {
        At::Key { after, .. } => after.clone(),
        _ => None,
    };
    let cut = start.cut(&keys, 2);
    assert_eq!((after(&cut).as_deref(), cut.taken), (Some("K-1"), 1));
    let cut = start.cut(&keys, 3);
    assert_eq!((after(&cut).as_deref(), cut.taken), (Some("K-3"), 3));
    let offset = Position::at(At::Offset(7));
    assert_eq!(offset.cut(&keys, 2), offset);
}
