//! The ways by which people come to an object or to its lock: one function for
//! each, which takes the lock twice.

use super::names_in;

/// What the functions of [`OBJECTS`] work on.
const WITH_OBJECTS: &str = r#"
use std::sync::{Mutex,Arc,Weak,OnceLock,LazyLock}; use std::collections::{*, hash_map::Entry}; use std::cell::RefCell; use std::thread::JoinHandle; use std::sync::mpsc::Receiver;
#[derive(Default)]
pub struct Conn { a: Mutex<u32>, ok: bool }
impl Conn { pub fn new() -> Self { Self::default() } pub fn get(&self) -> u32 { *self.a.lock().unwrap() } }
impl From<u32> for Conn { fn from(_: u32) -> Conn { Conn::new() } }
pub struct Wrap { inner: Conn } impl Wrap { const C: Conn = Conn { a: Mutex::new(0), ok: true }; fn get_inner(&self) -> &Wrap { self } }
pub enum Kind { One(Conn), Two { c: Conn, n: u32 } }
pub trait Has { fn conn(&self) -> &Conn; }
pub struct Der(Conn); impl std::ops::Deref for Der { type Target = Conn; fn deref(&self) -> &Conn { &self.0 } }
static C: OnceLock<Conn> = OnceLock::new(); static L: LazyLock<Conn> = LazyLock::new(Conn::new);
thread_local! { static T: Conn = Conn::new(); }
fn pair() -> (Conn, u32) { (Conn::new(), 0) }
fn twice(c: &Conn) -> u32 { let g = c.a.lock().unwrap(); *g }"#;

/// A `Conn` from everywhere; `get` takes the lock again.
const OBJECTS: &[(&str, &str)] = &[
    (
        "entry_occ_mut",
        r#"pub fn f_entry_occ_mut(map: &mut HashMap<u32, Conn>) -> u32 { match map.entry(1) { Entry::Occupied(mut e) => { let c = e.get_mut(); let g = c.a.lock().unwrap(); *g + c.get() } _ => 0 } }"#,
    ),
    (
        "entry_ins",
        r#"pub fn f_entry_ins(map: &mut HashMap<u32, Conn>) -> u32 { if let Entry::Vacant(v) = map.entry(1) { let c = v.insert(Conn::new()); let g = c.a.lock().unwrap(); *g + c.get() } else { 0 } }"#,
    ),
    (
        "opt_insert",
        r#"pub fn f_opt_insert(o: &mut Option<Conn>) -> u32 { let c = o.insert(Conn::new()); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "opt_filter",
        r#"pub fn f_opt_filter(map: &HashMap<u32, Conn>) -> u32 { let c = map.get(&1).filter(|c| c.ok).unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "opt_ok_or",
        r#"pub fn f_opt_ok_or(map: &HashMap<u32, Conn>) -> u32 { let c = map.get(&1).ok_or(()).unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "iter_find",
        r#"pub fn f_iter_find(v: &[Conn]) -> u32 { let c = v.iter().find(|c| c.ok).unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "iter_fm",
        r#"pub fn f_iter_fm(v: &[Option<Conn>]) -> u32 { let c = v.iter().filter_map(|c| c.as_ref()).next().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "iter_zip",
        r#"pub fn f_iter_zip(v: &[Conn], k: &[u32]) -> u32 { let mut n = 0; for (c, k) in v.iter().zip(k.iter()) { let g = c.a.lock().unwrap(); n += *g + c.get() + k; } n }"#,
    ),
    (
        "iter_enum",
        r#"pub fn f_iter_enum(v: &[Conn]) -> u32 { let mut n = 0; for (i, c) in v.iter().enumerate() { let g = c.a.lock().unwrap(); n += *g + c.get() + i as u32; } n }"#,
    ),
    (
        "iter_rev",
        r#"pub fn f_iter_rev(v: &[Conn]) -> u32 { let mut n = 0; for c in v.iter().rev().skip(1) { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "iter_values",
        r#"pub fn f_iter_values(map: &HashMap<u32, Conn>) -> u32 { let mut n = 0; for c in map.values() { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "iter_mapkv",
        r#"pub fn f_iter_mapkv(map: &HashMap<u32, Conn>) -> u32 { let mut n = 0; for (_, c) in map { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "iter_collect",
        r#"pub fn f_iter_collect(v: &[Conn]) -> u32 { let all: Vec<_> = v.iter().collect(); let c = all[0]; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "iter_collect2",
        r#"pub fn f_iter_collect2(v: &[Arc<Conn>]) -> u32 { let all = v.iter().map(|c| c.clone()).collect::<Vec<_>>(); let c = &all[0]; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "iter_max",
        r#"pub fn f_iter_max(v: &[Conn]) -> u32 { let c = v.iter().max_by_key(|c| c.ok).unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "vec_last",
        r#"pub fn f_vec_last(v: &Vec<Conn>) -> u32 { let c = v.last().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "vec_pop",
        r#"pub fn f_vec_pop(v: &mut Vec<Conn>) -> u32 { let c = v.pop().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "vec_first",
        r#"pub fn f_vec_first(v: &Vec<Conn>) -> u32 { if let Some(c) = v.first() { let g = c.a.lock().unwrap(); *g + c.get() } else { 0 } }"#,
    ),
    (
        "slice_pat",
        r#"pub fn f_slice_pat(v: &[Conn]) -> u32 { if let [c, ..] = v { let g = c.a.lock().unwrap(); *g + c.get() } else { 0 } }"#,
    ),
    (
        "tuple_ret",
        r#"pub fn f_tuple_ret() -> u32 { let (c, _) = pair(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "let_else",
        r#"pub fn f_let_else(o: &Option<Conn>) -> u32 { let Some(c) = o else { return 0 }; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "cow",
        r#"pub fn f_cow(c: &RefCell<Conn>) -> u32 { let c = c.borrow(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "oncecell",
        r#"pub fn f_oncecell() -> u32 { let c = C.get_or_init(Conn::new); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "lazy",
        r#"pub fn f_lazy() -> u32 { let g = L.a.lock().unwrap(); *g + L.get() }"#,
    ),
    (
        "weak",
        r#"pub fn f_weak(w: &Weak<Conn>) -> u32 { let c = w.upgrade().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "weak_if",
        r#"pub fn f_weak_if(w: &Weak<Conn>) -> u32 { if let Some(c) = w.upgrade() { let g = c.a.lock().unwrap(); *g + c.get() } else { 0 } }"#,
    ),
    (
        "boxed",
        r#"pub fn f_boxed() -> u32 { let c = Box::new(Conn::new()); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "default",
        r#"pub fn f_default() -> u32 { let c = Conn::default(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "default2",
        r#"pub fn f_default2() -> u32 { let c: Conn = Default::default(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "from",
        r#"pub fn f_from() -> u32 { let c = Conn::from(3); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "into",
        r#"pub fn f_into() -> u32 { let c: Conn = 3.into(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "asref",
        r#"pub fn f_asref(o: &Option<Conn>) -> u32 { let c = o.as_ref().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "asderef",
        r#"pub fn f_asderef(o: &Option<Arc<Conn>>) -> u32 { let c = o.as_deref().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "take",
        r#"pub fn f_take(o: &mut Option<Conn>) -> u32 { let c = o.take().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "memtake",
        r#"pub fn f_memtake(o: &mut Conn) -> u32 { let c = std::mem::take(o); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "deref",
        r#"pub fn f_deref(o: &Box<Conn>) -> u32 { let c = &**o; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "ifexpr",
        r#"pub fn f_ifexpr(o: &Conn, p: &Conn) -> u32 { let c = if o.ok { o } else { p }; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "matchexpr",
        r#"pub fn f_matchexpr(o: &Conn, p: &Conn, k: u32) -> u32 { let c = match k { 0 => o, _ => p }; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "blockexpr",
        r#"pub fn f_blockexpr(o: &Conn) -> u32 { let c = { let x = o; x }; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "structpat",
        r#"pub fn f_structpat(w: &Wrap) -> u32 { let Wrap { inner } = w; let g = inner.a.lock().unwrap(); *g + inner.get() }"#,
    ),
    (
        "enumpat",
        r#"pub fn f_enumpat(k: &Kind) -> u32 { match k { Kind::One(c) => { let g = c.a.lock().unwrap(); *g + c.get() } Kind::Two { c, .. } => { let g = c.a.lock().unwrap(); *g + c.get() } } }"#,
    ),
    (
        "index_map",
        r#"pub fn f_index_map(map: &HashMap<u32, Conn>) -> u32 { let c = &map[&1]; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "generic_t",
        r#"pub fn f_generic_t(t: &impl Has) -> u32 { let c = t.conn(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "dyn_t",
        r#"pub fn f_dyn_t(t: &dyn Has) -> u32 { let c = t.conn(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "method_chain",
        r#"pub fn f_method_chain(w: &Wrap) -> u32 { let c = &w.get_inner().inner; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "async_block",
        r#"pub fn f_async_block(o: &Conn) -> u32 { let f = async { let g = o.a.lock().unwrap(); *g + o.get() }; drop(f); 0 }"#,
    ),
    (
        "and_then",
        r#"pub fn f_and_then(map: &HashMap<u32, Conn>) -> u32 { let c = map.get(&1).and_then(|c| Some(c)).unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "map_opt",
        r#"pub fn f_map_opt(o: &Option<Wrap>) -> u32 { let c = o.as_ref().map(|w| &w.inner).unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "unwrap_or_else",
        r#"pub fn f_unwrap_or_else(o: Option<Conn>) -> u32 { let c = o.unwrap_or_else(|| Conn::new()); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "assoc_const",
        r#"pub fn f_assoc_const() -> u32 { let c = Wrap::C; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "fnptr",
        r#"pub fn f_fnptr(f: fn() -> Conn) -> u32 { let c = f(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "fnparam",
        r#"pub fn f_fnparam(f: impl Fn() -> Conn) -> u32 { let c = f(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "arcmutex",
        r#"pub fn f_arcmutex(m: &Mutex<Conn>) -> u32 { let c = m.lock().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "deref_user",
        r#"pub fn f_deref_user(d: &Der) -> u32 { let g = d.a.lock().unwrap(); *g + d.get() }"#,
    ),
    (
        "try_op",
        r#"pub fn f_try_op(o: &Option<Conn>) -> u32 { let r = (|| -> Option<u32> { let c = o.as_ref()?; let g = c.a.lock().unwrap(); Some(*g + c.get()) })(); r.unwrap() }"#,
    ),
    (
        "chain_iter_ref",
        r#"pub fn f_chain_iter_ref(v: &[Conn]) -> u32 { v.iter().for_each(|c| { let g = c.a.lock().unwrap(); println!("{}", *g + c.get()); }); 0 }"#,
    ),
    (
        "fold",
        r#"pub fn f_fold(v: &[Conn]) -> u32 { v.iter().fold(0, |n, c| { let g = c.a.lock().unwrap(); n + *g + c.get() }) }"#,
    ),
    (
        "any",
        r#"pub fn f_any(v: &[Conn]) -> u32 { v.iter().any(|c| { let g = c.a.lock().unwrap(); *g + c.get() > 3 }) as u32 }"#,
    ),
    (
        "sum_map",
        r#"pub fn f_sum_map(v: &[Conn]) -> u32 { v.iter().map(|c| { let g = c.a.lock().unwrap(); *g + c.get() }).sum() }"#,
    ),
    (
        "chunks",
        r#"pub fn f_chunks(v: &[Conn]) -> u32 { let mut n = 0; for cs in v.chunks(2) { for c in cs { let g = c.a.lock().unwrap(); n += *g + c.get(); } } n }"#,
    ),
    (
        "btree",
        r#"pub fn f_btree(m: &BTreeMap<u32, Conn>) -> u32 { let c = m.range(1..).next().unwrap().1; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "first_kv",
        r#"pub fn f_first_kv(m: &BTreeMap<u32, Conn>) -> u32 { let (_, c) = m.first_key_value().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "vecdeque",
        r#"pub fn f_vecdeque(v: &VecDeque<Conn>) -> u32 { let c = v.front().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "drain",
        r#"pub fn f_drain(v: &mut Vec<Conn>) -> u32 { let mut n = 0; for c in v.drain(..) { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "flatten",
        r#"pub fn f_flatten(v: &[Option<Conn>]) -> u32 { let mut n = 0; for c in v.iter().flatten() { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "flat_map",
        r#"pub fn f_flat_map(v: &[Vec<Conn>]) -> u32 { let mut n = 0; for c in v.iter().flat_map(|w| w.iter()) { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "cloned",
        r#"pub fn f_cloned(map: &HashMap<u32, Arc<Conn>>) -> u32 { let c = map.get(&1).cloned().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "peekable",
        r#"pub fn f_peekable(v: &[Conn]) -> u32 { let mut it = v.iter().peekable(); let c = it.peek().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "while_let",
        r#"pub fn f_while_let(v: &mut Vec<Conn>) -> u32 { let mut n = 0; while let Some(c) = v.pop() { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "recv",
        r#"pub fn f_recv(rx: &Receiver<Conn>) -> u32 { let c = rx.recv().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "recv_for",
        r#"pub fn f_recv_for(rx: Receiver<Conn>) -> u32 { let mut n = 0; for c in rx { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "joined",
        r#"pub fn f_joined(h: JoinHandle<Conn>) -> u32 { let c = h.join().unwrap(); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "array",
        r#"pub fn f_array(o: &Conn, p: &Conn) -> u32 { let mut n = 0; for c in [o, p] { let g = c.a.lock().unwrap(); n += *g + c.get(); } n }"#,
    ),
    (
        "alias_opt",
        r#"pub fn f_alias_opt(o: Option<&Conn>) -> Option<u32> { let c = o?; let g = c.a.lock().unwrap(); Some(*g + c.get()) }"#,
    ),
    (
        "cast_arc",
        r#"pub fn f_cast_arc(o: &Arc<Conn>) -> u32 { let c = Arc::clone(o); let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "range",
        r#"pub fn f_range(v: &[Conn]) -> u32 { let rest = &v[1..]; let c = &rest[0]; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "split",
        r#"pub fn f_split(v: &[Conn]) -> u32 { let (x, _) = v.split_at(1); let c = &x[0]; let g = c.a.lock().unwrap(); *g + c.get() }"#,
    ),
    (
        "sort",
        r#"pub fn f_sort(v: &[Conn]) -> u32 { let mut s: Vec<&Conn> = v.iter().collect(); s.sort_by_key(|c| c.ok); for c in &s { let g = c.a.lock().unwrap(); return *g + c.get(); } 0 }"#,
    ),
];

/// What the functions of [`LOCKS`] work on.
const WITH_LOCKS: &str = r#"
use std::sync::{Mutex,Arc,RwLock,MutexGuard}; use std::collections::*; use std::ops::Deref;
pub struct S { m: Mutex<Vec<u32>>, n: Mutex<u32>, r: RwLock<u32>, t: (Mutex<u32>, u32), arr: [Mutex<u32>; 4], o: Option<Mutex<u32>>, b: Box<Mutex<u32>>, am: Arc<Mutex<u32>>, inner: Inner, cb: Box<dyn Fn(&S) + Send + Sync>, dt: Arc<dyn Tr> }
pub struct Inner { q: Mutex<u32> }
pub struct New(Mutex<u32>);
pub type Shared<T> = Arc<Mutex<T>>;
pub trait Tr: Send + Sync { fn go(&self, s: &S); fn dflt(&self, s: &S) { *s.n.lock().unwrap() += 1; } }
pub struct T1; impl Tr for T1 { fn go(&self, s: &S) { *s.n.lock().unwrap() += 1; } }
impl S { fn acc(&self) -> &Mutex<u32> { &self.n } fn g(&self) -> MutexGuard<'_, u32> { self.n.lock().unwrap() } fn bump(&self) { *self.n.lock().unwrap() += 1; } fn with<R>(&self, f: impl FnOnce(&mut u32) -> R) -> R { let mut g = self.n.lock().unwrap(); f(&mut g) } }
pub struct G<T> { v: Mutex<T> } impl<T: Clone> G<T> { fn get(&self) -> T { self.v.lock().unwrap().clone() } }
pub struct Dr { s: Arc<S> } impl Drop for Dr { fn drop(&mut self) { self.s.bump(); } }
pub struct Wr(Arc<S>); impl Deref for Wr { type Target = S; fn deref(&self) -> &S { &self.0 } }
macro_rules! lk { ($e:expr) => { $e.lock().unwrap() }; }
macro_rules! bump { ($s:ident) => { $s.bump() }; }
static ST: Mutex<u32> = Mutex::new(0);
static SM: Mutex<BTreeMap<u32,u32>> = Mutex::new(BTreeMap::new());
fn f2(_: MutexGuard<u32>, _: MutexGuard<u32>) {}
"#;

/// A lock by every path, a guard in every shape, the second time by every call.
const LOCKS: &[(&str, &str)] = &[
    (
        "newtype0",
        r#"pub fn f_newtype0(x: &New) { let g = x.0.lock().unwrap(); *x.0.lock().unwrap() + *g; }"#,
    ),
    (
        "tuple",
        r#"pub fn f_tuple(s: &S) { let g = s.t.0.lock().unwrap(); *s.t.0.lock().unwrap() += *g; }"#,
    ),
    (
        "ufcs",
        r#"pub fn f_ufcs(s: &S) { let g = Mutex::lock(&s.n).unwrap(); *Mutex::lock(&s.n).unwrap() += *g; }"#,
    ),
    (
        "accessor",
        r#"pub fn f_accessor(s: &S) { let g = s.acc().lock().unwrap(); *s.acc().lock().unwrap() += *g; }"#,
    ),
    (
        "acc_mixed",
        r#"pub fn f_acc_mixed(s: &S) { let g = s.acc().lock().unwrap(); *s.n.lock().unwrap() += *g; }"#,
    ),
    (
        "helper_guard",
        r#"pub fn f_helper_guard(s: &S) { let g = s.g(); s.bump(); drop(g); }"#,
    ),
    (
        "destruct",
        r#"pub fn f_destruct(s: &S) { let S { n, .. } = s; let g = n.lock().unwrap(); s.bump(); drop(g); }"#,
    ),
    (
        "ref_local",
        r#"pub fn f_ref_local(s: &S) { let n = &s.n; let g = n.lock().unwrap(); s.bump(); drop(g); }"#,
    ),
    (
        "arr0",
        r#"pub fn f_arr0(s: &S) { let g = s.arr[0].lock().unwrap(); *s.arr[0].lock().unwrap() += *g; }"#,
    ),
    (
        "opt",
        r#"pub fn f_opt(s: &S) { if let Some(o) = &s.o { let g = o.lock().unwrap(); *o.lock().unwrap() += *g; } }"#,
    ),
    (
        "opt_unwrap",
        r#"pub fn f_opt_unwrap(s: &S) { let g = s.o.as_ref().unwrap().lock().unwrap(); *s.o.as_ref().unwrap().lock().unwrap() += *g; }"#,
    ),
    (
        "boxed",
        r#"pub fn f_boxed(s: &S) { let g = s.b.lock().unwrap(); *s.b.lock().unwrap() += *g; }"#,
    ),
    (
        "arcclone",
        r#"pub fn f_arcclone(s: &S) { let a = s.am.clone(); let g = a.lock().unwrap(); *s.am.lock().unwrap() += *g; }"#,
    ),
    (
        "alias",
        r#"pub fn f_alias(x: Shared<u32>) { let g = x.lock().unwrap(); *x.lock().unwrap() += *g; }"#,
    ),
    (
        "alias_clone",
        r#"pub fn f_alias_clone(x: Shared<u32>) { let y = Arc::clone(&x); let g = x.lock().unwrap(); *y.lock().unwrap() += *g; }"#,
    ),
    (
        "nested",
        r#"pub fn f_nested(s: &S) { let g = s.inner.q.lock().unwrap(); *s.inner.q.lock().unwrap() += *g; }"#,
    ),
    (
        "with_cb",
        r#"pub fn f_with_cb(s: &S) { s.with(|n| { s.bump(); *n += 1; }); }"#,
    ),
    (
        "with_cb2",
        r#"pub fn f_with_cb2(s: &S) { let g = s.n.lock().unwrap(); s.with(|n| *n += 1); drop(g); }"#,
    ),
    (
        "dyn_trait",
        r#"pub fn f_dyn_trait(s: &S) { let g = s.n.lock().unwrap(); s.dt.go(s); drop(g); }"#,
    ),
    (
        "dyn_default",
        r#"pub fn f_dyn_default(s: &S) { let g = s.n.lock().unwrap(); s.dt.dflt(s); drop(g); }"#,
    ),
    (
        "impl_trait",
        r#"pub fn f_impl_trait(s: &S, t: impl Tr) { let g = s.n.lock().unwrap(); t.go(s); drop(g); }"#,
    ),
    (
        "gen_trait",
        r#"pub fn f_gen_trait<T: Tr>(s: &S, t: &T) { let g = s.n.lock().unwrap(); t.go(s); drop(g); }"#,
    ),
    (
        "box_dyn",
        r#"pub fn f_box_dyn(s: &S, t: Box<dyn Tr>) { let g = s.n.lock().unwrap(); t.go(s); drop(g); }"#,
    ),
    (
        "vec_dyn",
        r#"pub fn f_vec_dyn(s: &S, ts: &[Box<dyn Tr>]) { let g = s.n.lock().unwrap(); for t in ts { t.go(s); } drop(g); }"#,
    ),
    (
        "iflet_tmp",
        r#"pub fn f_iflet_tmp(s: &S) { if let Some(x) = s.m.lock().unwrap().pop() { s.m.lock().unwrap().push(x); } }"#,
    ),
    (
        "match_tmp",
        r#"pub fn f_match_tmp(s: &S) { match s.m.lock().unwrap().len() { 0 => s.m.lock().unwrap().push(1), _ => {} } }"#,
    ),
    (
        "while_tmp",
        r#"pub fn f_while_tmp(s: &S) { while let Some(x) = s.m.lock().unwrap().pop() { if x > 3 { s.m.lock().unwrap().push(1) } } }"#,
    ),
    (
        "for_tmp",
        r#"pub fn f_for_tmp(s: &S) { for x in s.m.lock().unwrap().iter() { if *x > 3 { s.bump(); s.m.lock().unwrap().push(1) } } }"#,
    ),
    (
        "println",
        r#"pub fn f_println(s: &S) { println!("{} {}", s.n.lock().unwrap(), s.n.lock().unwrap()); }"#,
    ),
    (
        "binop",
        r#"pub fn f_binop(s: &S) { let x = *s.n.lock().unwrap() + *s.n.lock().unwrap(); drop(x); }"#,
    ),
    (
        "args",
        r#"pub fn f_args(s: &S) { f2(s.n.lock().unwrap(), s.n.lock().unwrap()); }"#,
    ),
    (
        "deref",
        r#"pub fn f_deref(w: &Wr) { let g = w.n.lock().unwrap(); w.bump(); drop(g); }"#,
    ),
    (
        "generic_g",
        r#"pub fn f_generic_g(x: &G<u32>) { let g = x.v.lock().unwrap(); let y = x.get(); drop((g, y)); }"#,
    ),
    (
        "rw_up",
        r#"pub fn f_rw_up(s: &S) { let g = s.r.read().unwrap(); *s.r.write().unwrap() += *g; }"#,
    ),
    (
        "iflet_else",
        r#"pub fn f_iflet_else(s: &S) { if let Some(1) = s.m.lock().unwrap().first() { } else { s.m.lock().unwrap().push(1); } }"#,
    ),
    (
        "closure_local",
        r#"pub fn f_closure_local(s: &S) { let f = || s.bump(); let g = s.n.lock().unwrap(); f(); drop(g); }"#,
    ),
    (
        "closure_ret",
        r#"pub fn f_closure_ret(s: &S) { let g = s.n.lock().unwrap(); let v: Vec<u32> = (0..3).map(|i| { s.bump(); i }).collect(); drop((g, v)); }"#,
    ),
    (
        "fnptr",
        r#"pub fn f_fnptr(s: &S) { let f: fn(&S) = S::bump; let g = s.n.lock().unwrap(); f(s); drop(g); }"#,
    ),
    (
        "opt_map",
        r#"pub fn f_opt_map(s: &S) { let g = s.n.lock().unwrap(); Some(1).map(|_| s.bump()); drop(g); }"#,
    ),
    (
        "q_mark",
        r#"pub fn f_q_mark(s: &S) { (|| { let g = s.n.lock().ok()?; s.bump(); Some(*g) })(); }"#,
    ),
    (
        "tailexpr",
        r#"pub fn f_tailexpr(s: &S) { { let g = s.n.lock().unwrap(); s.bump(); drop(g) } }"#,
    ),
    (
        "async_tokio",
        r#"pub fn f_async_tokio(m: &tokio::sync::Mutex<u32>) { let f = async { let g = m.lock().await; *m.lock().await += *g; }; drop(f); }"#,
    ),
    (
        "pl",
        r#"pub fn f_pl(m: &parking_lot::Mutex<u32>) { let g = m.lock(); *m.lock() += *g; }"#,
    ),
    (
        "pl_map",
        r#"pub fn f_pl_map(m: &parking_lot::Mutex<(u32, u32)>) { let g = parking_lot::MutexGuard::map(m.lock(), |x| &mut x.0); m.lock().1 += *g; }"#,
    ),
    (
        "struct_guard",
        r#"pub fn f_struct_guard(s: &S) { struct H<'a> { g: MutexGuard<'a, u32> } let h = H { g: s.n.lock().unwrap() }; s.bump(); drop(h.g); }"#,
    ),
    (
        "ret_early",
        r#"pub fn f_ret_early(s: &S) { let g = s.n.lock().unwrap(); if *g > 3 { drop(g); return } s.bump(); }"#,
    ),
    (
        "shadow",
        r#"pub fn f_shadow(s: &S) { let g = s.n.lock().unwrap(); let g = *g; s.bump(); drop(g); }"#,
    ),
    (
        "static_m",
        r#"pub fn f_static_m(_s: &S) { let g = ST.lock().unwrap(); *ST.lock().unwrap() += *g; }"#,
    ),
    (
        "static_map",
        r#"pub fn f_static_map(_s: &S) { let g = SM.lock().unwrap(); if g.is_empty() { SM.lock().unwrap().insert(1, 1); } }"#,
    ),
    (
        "loop_break",
        r#"pub fn f_loop_break(s: &S) { loop { let g = s.n.lock().unwrap(); if *g > 3 { s.bump(); break } } }"#,
    ),
    (
        "unwrap_else",
        r#"pub fn f_unwrap_else(s: &S) { let g = s.n.lock().unwrap_or_else(|e| e.into_inner()); s.bump(); drop(g); }"#,
    ),
    (
        "match_poison",
        r#"pub fn f_match_poison(s: &S) { let g = match s.n.lock() { Ok(g) => g, Err(e) => e.into_inner() }; s.bump(); drop(g); }"#,
    ),
    (
        "iflet_ok",
        r#"pub fn f_iflet_ok(s: &S) { if let Ok(g) = s.n.lock() { s.bump(); drop(g); } }"#,
    ),
    (
        "guard_field",
        r#"pub fn f_guard_field(s: &S) { let (a, b) = (s.n.lock().unwrap(), s.m.lock().unwrap()); s.bump(); drop((a, b)); }"#,
    ),
    (
        "vec_guard",
        r#"pub fn f_vec_guard(s: &S) { let v = vec![s.n.lock().unwrap()]; s.bump(); drop(v); }"#,
    ),
    (
        "some_guard",
        r#"pub fn f_some_guard(s: &S) { let o = Some(s.n.lock().unwrap()); s.bump(); drop(o); }"#,
    ),
    (
        "trait_static",
        r#"pub fn f_trait_static(s: &S) { let g = s.n.lock().unwrap(); T1.go(s); drop(g); }"#,
    ),
];

#[test]
fn every_way_to_an_object_is_seen() {
    let missed: Vec<&str> = OBJECTS
        .iter()
        .filter(|(_, code)| !names_in(&format!("{WITH_OBJECTS}\n{code}")).contains(&"double-lock"))
        .map(|(name, _)| *name)
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn every_way_to_a_lock_is_seen() {
    let missed: Vec<&str> = LOCKS
        .iter()
        .filter(|(_, code)| !names_in(&format!("{WITH_LOCKS}\n{code}")).contains(&"double-lock"))
        .map(|(name, _)| *name)
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// Where the first guard is gone, or the two are two elements, nothing waits.
#[test]
fn what_only_looks_like_it_is_not() {
    for code in [
        r#"pub fn up(s: &S) { if *s.r.read().unwrap() == 0 { *s.r.write().unwrap() = 3; } }"#,
        r#"pub fn other(s: &S) { let Some(x) = s.m.lock().unwrap().pop() else { s.m.lock().unwrap().push(1); return }; drop(x); }"#,
        r#"pub fn rest(s: &[S]) { for s in s { let g = s.n.lock().unwrap(); drop(g); s.bump(); } }"#,
        r#"pub fn next(s: &[S]) { let mut last = None; for s in s { let g = s.n.lock().unwrap(); last = Some(g); } drop(last); }"#,
    ] {
        let found = names_in(&format!("{WITH_LOCKS}\n{code}"));
        assert!(!found.contains(&"double-lock"), "{code}");
    }
}

#[test]
fn a_scope_joins_its_threads() {
    let scope = |body: &str| names_in(&format!("{WITH_LOCKS}\npub fn all(s: &S) {{ {body} }}"));
    let held =
        "let g = s.n.lock().unwrap(); std::thread::scope(|t| { t.spawn(|| s.bump()); }); drop(g);";
    let free =
        "let g = s.n.lock().unwrap(); drop(g); std::thread::scope(|t| { t.spawn(|| s.bump()); });";
    assert!(scope(held).contains(&"blocking-under-lock"));
    assert!(!scope(free).contains(&"blocking-under-lock"));
}
