//! File systems of a test's own: a small one, a read-only one. Only root may mount; elsewhere such a test says that it
//! was left out.

use std::{ffi::CString, io, io::Write, os::unix::ffi::OsStrExt, path::Path, ptr};

/// A mounted file system; unmounted when dropped.
pub struct Mount(CString);

impl Mount {
    /// A file system in memory at the folder `path` that holds `size` bytes; None, and said, where mounting is not
    /// allowed.
    pub fn small(path: &Path, size: u64) -> Option<Self> {
        let mount = Self(c_string(path));
        mount.mount(c"tmpfs", c"tmpfs", 0, Some(size)).map(|()| mount)
    }

    /// Gives a small file system another size.
    pub fn resize(&self, size: u64) {
        self.mount(c"tmpfs", c"tmpfs", libc::MS_REMOUNT, Some(size)).expect("it was mounted before");
    }

    /// The folder `path` as it is, to be read only; None, and said, where mounting is not allowed.
    pub fn read_only(path: &Path) -> Option<Self> {
        let mount = Self(c_string(path));
        mount.mount(&mount.0, c"none", libc::MS_BIND, None)?;
        mount.mount(&mount.0, c"none", libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY, None).map(|()| mount)
    }

    fn mount(&self, source: &std::ffi::CStr, kind: &std::ffi::CStr, flags: u64, size: Option<u64>) -> Option<()> {
        let options = size.map(|size| CString::new(format!("size={size}")).unwrap());
        let options = options.as_ref().map_or(ptr::null(), |options| options.as_ptr().cast());
        // SAFETY: strings that end in NUL, alive during the call, and no options or a string of the same kind.
        let done = unsafe { libc::mount(source.as_ptr(), self.0.as_ptr(), kind.as_ptr(), flags, options) };
        if done == 0 {
            return Some(());
        }
        let error = io::Error::last_os_error();
        assert!(error.kind() == io::ErrorKind::PermissionDenied, "cannot mount {:?}: {error}", self.0);
        // Past the test harness, which shows what passing tests print to nobody.
        let _ = writeln!(io::stderr(), "LEFT OUT: mounting a file system needs root ({error})");
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // SAFETY: a path that ends in NUL. What cannot be unmounted now goes when its last file is closed.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}
