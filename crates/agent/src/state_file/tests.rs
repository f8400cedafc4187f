use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::*;

/// What is on the disk after the power came back: file names and contents.
type Platter = BTreeMap<String, Vec<u8>>;

/// A folder in memory whose power can be cut, and which then forgets what was not synced.
#[derive(Clone, Debug, Default)]
struct ForgetfulFiles {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    names_durable: BTreeMap<String, usize>,
    pending: Vec<NameChange>,
    operations_left: Option<usize>,
    operations_done: usize,
    lies_about_sync: bool,
    lies_about_sync_folder: bool,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    content: Vec<u8>,
    durable: Vec<u8>,
}

/// A change of the folder that is not durable yet.
#[derive(Clone, Debug)]
struct NameChange {
    from: Option<String>,
    to: String,
    inode: usize,
}

impl ForgetfulFiles {
    fn from_platter(platter: &Platter) -> Self {
        let mut files = Self::default();
        for (name, content) in platter {
            files.names.insert(name.clone(), files.inodes.len());
            files.inodes.push(Inode { content: content.clone(), durable: content.clone() });
        }
        files.names_durable = files.names.clone();
        files
    }

    /// Every disk that a power cut at this moment may leave behind.
    fn platters(&self) -> BTreeSet<Platter> {
        let contents: Vec<Vec<Vec<u8>>> = self.inodes.iter().map(Inode::survivors).collect();
        let mut platters = BTreeSet::new();
        for lost in 0..1_u32 << self.pending.len() {
            platters.extend(combine(&self.names_after(lost), &contents));
        }
        platters
    }

    /// The names when those pending changes are lost whose bit is set.
    fn names_after(&self, lost: u32) -> BTreeMap<String, usize> {
        let mut names = self.names_durable.clone();
        for (index, change) in self.pending.iter().enumerate() {
            if lost & 1 << index == 0 {
                change.apply(&mut names);
            }
        }
        names
    }

    fn operation(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.operations_left {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power is off"))?;
        }
        self.operations_done += 1;
        Ok(())
    }

    fn change_name(&mut self, from: Option<&str>, to: &str, inode: usize) {
        let change = NameChange { from: from.map(str::to_owned), to: to.to_owned(), inode };
        change.apply(&mut self.names);
        self.pending.push(change);
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        if let Some(from) = &self.from
            && names.get(from) == Some(&self.inode)
        {
            names.remove(from);
        }
        names.insert(self.to.clone(), self.inode);
    }
}

impl Inode {
    /// Contents that a power cut may leave: what was synced; or, of what was written since, any
    /// first part, alone or with the rest of the length as zeros.
    fn survivors(&self) -> Vec<Vec<u8>> {
        if self.content == self.durable {
            return vec![self.durable.clone()];
        }
        let mut survivors = vec![self.durable.clone()];
        for length in 0..=self.content.len() {
            let mut torn = self.content[..length].to_vec();
            survivors.push(torn.clone());
            torn.resize(self.content.len(), 0);
            survivors.push(torn);
        }
        survivors
    }
}

fn combine(names: &BTreeMap<String, usize>, contents: &[Vec<Vec<u8>>]) -> Vec<Platter> {
    let mut platters = vec![Platter::new()];
    for (name, inode) in names {
        let with_content = |platter: &Platter, content: &Vec<u8>| {
            let mut platter = platter.clone();
            platter.insert(name.clone(), content.clone());
            platter
        };
        platters = platters
            .iter()
            .flat_map(|platter| contents[*inode].iter().map(move |c| with_content(platter, c)))
            .collect();
    }
    platters
}

impl FileLayer for ForgetfulFiles {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let content = self.names.get(name).map(|inode| self.inodes[*inode].content.clone());
        assert!(content.as_ref().is_none_or(|content| content.len() <= bytes_max));
        Ok(content)
    }

    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        // The cut may fall into the write: then all of it is unsynced, which covers every part.
        let cut = self.operation();
        let inode = match self.names.get(name) {
            Some(inode) => *inode,
            None => {
                self.inodes.push(Inode::default());
                self.change_name(None, name, self.inodes.len() - 1);
                self.inodes.len() - 1
            }
        };
        self.inodes[inode].content = content.to_vec();
        cut
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.operation()?;
        let inode = *self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        if !self.lies_about_sync {
            self.inodes[inode].durable = self.inodes[inode].content.clone();
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let cut = self.operation();
        let inode = *self.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        self.change_name(Some(from), to, inode);
        cut
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.operation()?;
        if !self.lies_about_sync_folder {
            self.names_durable = self.names.clone();
            self.pending.clear();
        }
        Ok(())
    }
}

const STATES: [&str; 4] = ["a", "second", "", "the fourth"];

/// A power cut in the middle of a series of saves.
struct Cut {
    files: ForgetfulFiles,
    /// How many saves were acknowledged.
    acknowledged: usize,
    /// The power went off before all was done.
    happened: bool,
}

fn save_until_cut(mut files: ForgetfulFiles, operations: usize) -> Cut {
    files.operations_left = Some(operations);
    let (mut file, _) = StateFile::open(files).unwrap();
    let acknowledged =
        STATES.iter().take_while(|state| file.save(state.as_bytes()).is_ok()).count();
    Cut { acknowledged, happened: acknowledged < STATES.len(), files: file.files }
}

fn open(platter: &Platter) -> Result<(StateFile<ForgetfulFiles>, Option<Vec<u8>>), StateError> {
    let (file, recovered) = StateFile::open(ForgetfulFiles::from_platter(platter))?;
    Ok((file, recovered.state))
}

/// The state after `count` saves.
fn state_after(count: usize) -> Option<Vec<u8>> {
    count.checked_sub(1).map(|last| STATES[last].as_bytes().to_vec())
}

/// The state is the last acknowledged one or the one that was being saved.
fn is_allowed(state: &Option<Vec<u8>>, acknowledged: usize) -> bool {
    let in_flight = (acknowledged + 1).min(STATES.len());
    *state == state_after(acknowledged) || *state == state_after(in_flight)
}

#[test]
fn a_power_cut_at_any_operation_keeps_the_acknowledged_state() {
    let mut disks = 0;
    for operations in 0.. {
        let cut = save_until_cut(ForgetfulFiles::default(), operations);
        for platter in cut.files.platters() {
            let (_, state) = open(&platter).unwrap();
            assert!(is_allowed(&state, cut.acknowledged), "cut at {operations}: {platter:?}");
            disks += 1;
        }
        if !cut.happened {
            break;
        }
    }
    assert!(disks > 400, "only {disks} disks were tried");
}

#[test]
fn what_was_recovered_survives_cuts_in_and_after_the_recovery() {
    for operations in 0.. {
        let cut = save_until_cut(ForgetfulFiles::default(), operations);
        for platter in cut.files.platters() {
            check_recovery_cuts(&platter, cut.acknowledged);
            check_save_after_recovery(&platter);
        }
        if !cut.happened {
            break;
        }
    }
}

/// Cuts the power at each operation of the recovery.
fn check_recovery_cuts(platter: &Platter, acknowledged: usize) {
    for operations in 0.. {
        let mut files = ForgetfulFiles::from_platter(platter);
        files.operations_left = Some(operations);
        match StateFile::open(files.clone()) {
            Err(_) => {
                // The layer is consumed by the failed open, so the cut is done again by hand.
                for platter in platters_of_cut_open(files) {
                    let (_, state) = open(&platter).unwrap();
                    assert!(is_allowed(&state, acknowledged), "{platter:?}");
                }
            }
            Ok((file, recovered)) => {
                for platter in file.files.platters() {
                    let (_, state) = open(&platter).unwrap();
                    assert_eq!(state, recovered.state, "recovered, then lost: {platter:?}");
                }
                break;
            }
        }
    }
}

/// The disks after an open whose power is cut, seen from outside through a shared layer.
fn platters_of_cut_open(files: ForgetfulFiles) -> BTreeSet<Platter> {
    let shared = std::rc::Rc::new(std::cell::RefCell::new(files));
    assert!(StateFile::open(SharedFiles(shared.clone())).is_err());
    shared.borrow().platters()
}

#[derive(Debug)]
struct SharedFiles(std::rc::Rc<std::cell::RefCell<ForgetfulFiles>>);

impl FileLayer for SharedFiles {
    fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        self.0.borrow().read(name, bytes_max)
    }
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().write(name, content)
    }
    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.0.borrow_mut().sync(name)
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.0.borrow_mut().rename(from, to)
    }
    fn sync_folder(&mut self) -> io::Result<()> {
        self.0.borrow_mut().sync_folder()
    }
}

/// Recovers, then saves one more state and cuts the power at each operation of that.
fn check_save_after_recovery(platter: &Platter) {
    let (file, recovered) = open(platter).unwrap();
    for operations in 0.. {
        let mut file = StateFile { files: file.files.clone(), sequence: file.sequence };
        file.files.operations_left = Some(operations);
        let saved = file.save(b"later").is_ok();
        for platter in file.files.platters() {
            let (_, state) = open(&platter).unwrap();
            let is_new = state.as_deref() == Some(b"later");
            assert!(is_new || (!saved && state == recovered), "{platter:?} {state:?}");
        }
        if saved {
            break;
        }
    }
}

/// The harness must notice a disk that does not sync; else it proves nothing.
#[test]
fn the_harness_notices_missing_syncs() {
    let content_lies = ForgetfulFiles { lies_about_sync: true, ..Default::default() };
    let folder_lies = ForgetfulFiles { lies_about_sync_folder: true, ..Default::default() };
    for files in [content_lies, folder_lies] {
        let cut = save_until_cut(files, usize::MAX);
        let lost = cut.files.platters().iter().any(|platter| match open(platter) {
            Ok((_, state)) => !is_allowed(&state, cut.acknowledged),
            Err(_) => true,
        });
        assert!(lost);
    }
}

#[test]
fn a_failed_save_leaves_a_state_that_can_be_saved_again() {
    let (mut file, _) = StateFile::open(ForgetfulFiles::default()).unwrap();
    file.save(b"one").unwrap();
    for operations in 0..5 {
        file.files.operations_left = Some(operations);
        file.save(b"refused").unwrap_err();
        file.files.operations_left = None;
        file.save(b"two").unwrap();
        for platter in file.files.platters() {
            assert_eq!(open(&platter).unwrap().1.unwrap(), b"two");
        }
    }
}

#[test]
fn a_spoiled_file_is_replaced_by_the_previous_copy() {
    let (mut file, _) = StateFile::open(ForgetfulFiles::default()).unwrap();
    file.save(b"one").unwrap();
    file.save(b"two").unwrap();
    let whole = file.files.platters().pop_first().unwrap();
    for position in 0..whole[CURRENT].len() {
        let mut platter = whole.clone();
        platter.get_mut(CURRENT).unwrap()[position] ^= 0x10;
        let files = ForgetfulFiles::from_platter(&platter);
        let (file, recovered) = StateFile::open(files).unwrap();
        assert_eq!(recovered.state.unwrap(), b"one", "byte {position}");
        assert!(recovered.damage.is_some());
        let repaired = file.files.platters().pop_first().unwrap();
        assert_eq!(open(&repaired).unwrap().1.unwrap(), b"one");
    }
}

#[test]
fn without_a_whole_copy_the_damage_is_named() {
    let platter = Platter::from([(CURRENT.to_owned(), b"not a state".to_vec())]);
    let error = open(&platter).unwrap_err();
    assert!(matches!(error, StateError::Damaged { file: CURRENT, damage: Damage::Length }));
    assert!(error.to_string().contains("state folder"), "{error}");
}

#[test]
fn too_large_a_state_is_refused_and_the_limit_is_not() {
    let (mut file, _) = StateFile::open(ForgetfulFiles::default()).unwrap();
    file.save(&vec![7; STATE_BYTES_MAX]).unwrap();
    let error = file.save(&vec![7; STATE_BYTES_MAX + 1]).unwrap_err();
    assert!(matches!(error, StateError::TooLarge { .. }));
    let platter = file.files.platters().pop_first().unwrap();
    assert_eq!(open(&platter).unwrap().1.unwrap().len(), STATE_BYTES_MAX);
}

#[test]
fn a_real_folder_keeps_the_state_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state-of-the-agent");
    for (count, expected) in [None, Some(b"0".to_vec()), Some(b"1".to_vec())].iter().enumerate() {
        let (mut file, recovered) = StateFile::open(DiskFiles::open(&path).unwrap()).unwrap();
        assert_eq!(recovered.state, *expected);
        file.save(count.to_string().as_bytes()).unwrap();
    }
    for (name, mode) in [("", 0o700), (CURRENT, 0o600), (PREVIOUS, 0o600)] {
        let metadata = std::fs::metadata(path.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn a_folder_serves_one_agent() {
    let folder = tempfile::tempdir().unwrap();
    let first = DiskFiles::open(folder.path()).unwrap();
    let error = DiskFiles::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    drop(first);
    DiskFiles::open(folder.path()).unwrap();
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(CURRENT), b"12345").unwrap();
    let files = DiskFiles::open(folder.path()).unwrap();
    assert_eq!(files.read(CURRENT, 5).unwrap().unwrap(), b"12345");
    assert_eq!(files.read(CURRENT, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(files.read("none", 4).unwrap(), None);
}
