//! Rust side of `distributed.cpp`: c10d's store and its process groups.

use std::{
    ffi::{CString, c_char, c_void},
    net::{IpAddr, TcpListener, ToSocketAddrs, UdpSocket},
    os::fd::{IntoRawFd, OwnedFd},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use tch::{Device, Tensor};
use torch_sys::C_tensor;

use super::{
    collective::{Collective, Reduce},
    shim::{check, new_tensor, pointer, take_text},
};

unsafe extern "C" {
    fn mindgap_store_new(
        host: *const c_char,
        port: u16,
        socket: i32,
        timeout: i64,
        out: *mut *mut c_void,
    ) -> *mut c_char;
    fn mindgap_store_prefixed(store: *mut c_void, prefix: *const c_char, out: *mut *mut c_void) -> *mut c_char;
    fn mindgap_store_free(store: *mut c_void);
    fn mindgap_store_set(store: *mut c_void, key: *const c_char, value: *const c_char) -> *mut c_char;
    fn mindgap_store_set_first(
        store: *mut c_void,
        key: *const c_char,
        value: *const c_char,
        out: *mut *mut c_char,
    ) -> *mut c_char;
    fn mindgap_store_get(store: *mut c_void, key: *const c_char, out: *mut *mut c_char) -> *mut c_char;
    fn mindgap_group_new(
        store: *mut c_void,
        cuda: bool,
        rank: i32,
        size: i32,
        address: *const c_char,
        interface: *const c_char,
        timeout: i64,
        out: *mut *mut c_void,
    ) -> *mut c_char;
    fn mindgap_group_free(group: *mut c_void);
    fn mindgap_group_all_reduce(group: *mut c_void, tensor: *mut C_tensor, operation: i32) -> *mut c_char;
    fn mindgap_group_broadcast(group: *mut c_void, tensor: *mut C_tensor) -> *mut c_char;
    fn mindgap_group_barrier(group: *mut c_void) -> *mut c_char;
    fn mindgap_group_sum(group: *mut c_void, x: *mut C_tensor, out: *mut *mut C_tensor) -> *mut c_char;
}

/// A connection to c10d's TCPStore, a key-value table of texts that all processes of a run read and write. It has no
/// authentication: any program that reaches its port may write.
#[derive(Debug)]
pub struct Store(*mut c_void);

// SAFETY: c10d's TCPStore locks its own mutex around every request.
unsafe impl Send for Store {}
unsafe impl Sync for Store {}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: made by `mindgap_store_new` or `mindgap_store_prefixed`, freed once, here.
        unsafe { mindgap_store_free(self.0) }
    }
}

impl Store {
    /// Connects to the store at `host:port`. With `socket`, which already listens there, this process also serves the
    /// store, for as long as the value lives. Every key is stored with `prefix` before it. A request that is not
    /// answered within `timeout` is an error.
    ///
    /// # Errors
    /// No store answers there within `timeout`.
    pub fn join(host: &str, port: u16, socket: Option<OwnedFd>, prefix: &str, timeout: Duration) -> Result<Self> {
        let (host, prefix) = (CString::new(host)?, CString::new(prefix)?);
        let socket = socket.map_or(-1, IntoRawFd::into_raw_fd);
        // SAFETY: the strings live through the call; the socket, if any, is handed over.
        let whole =
            Self(made(|out| unsafe { mindgap_store_new(host.as_ptr(), port, socket, milliseconds(timeout), out) })?);
        // SAFETY: `whole` lives through the call; the new store shares ownership of it.
        Ok(Self(made(|out| unsafe { mindgap_store_prefixed(whole.0, prefix.as_ptr(), out) })?))
    }

    /// Writes `value` under `key`.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        let (key, value) = (CString::new(key)?, CString::new(value.replace('\0', ""))?);
        // SAFETY: all three live through the call.
        check(unsafe { mindgap_store_set(self.0, key.as_ptr(), value.as_ptr()) })
    }

    /// Writes `value` under `key` unless the key has a value, and returns the value that it has then.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn set_first(&self, key: &str, value: &str) -> Result<String> {
        let (key, value) = (CString::new(key)?, CString::new(value.replace('\0', ""))?);
        // SAFETY: all live through the call.
        let text = text(|out| unsafe { mindgap_store_set_first(self.0, key.as_ptr(), value.as_ptr(), out) })?;
        text.context("the store gave no answer")
    }

    /// The value of `key`; `None` where it has none yet. Does not wait for one.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn get(&self, key: &str) -> Result<Option<String>> {
        let key = CString::new(key)?;
        // SAFETY: both live through the call.
        text(|out| unsafe { mindgap_store_get(self.0, key.as_ptr(), out) })
    }
}

/// The processes of a run, connected by Gloo or NCCL.
#[derive(Debug)]
pub struct Processes {
    group: *mut c_void,
    rank: usize,
    size: usize,
    /// Calls begun so far. Where processes wait for one another, the one with the fewest calls is the missing one.
    calls: Arc<AtomicU64>,
}

// SAFETY: c10d's groups queue their work under a lock; only the trainer, one thread, makes calls and so orders them.
unsafe impl Send for Processes {}
unsafe impl Sync for Processes {}

impl Drop for Processes {
    fn drop(&mut self) {
        // SAFETY: made by `mindgap_group_new`, freed once, here.
        unsafe { mindgap_group_free(self.group) }
    }
}

/// What a process needs to know to connect to the others.
#[derive(Clone, Copy, Debug)]
pub struct Membership<'a> {
    /// The number of this process, from 0.
    pub rank: usize,
    /// The number of processes.
    pub size: usize,
    /// An address of this machine that the others can reach; Gloo listens there. `GLOO_SOCKET_IFNAME` overrides it.
    pub address: IpAddr,
    /// The device of the tensors: NCCL transfers those on CUDA, Gloo those on the CPU.
    pub device: Device,
    /// How long a call waits for the others.
    pub timeout: Duration,
    /// The counter of the calls.
    pub calls: &'a Arc<AtomicU64>,
}

impl Processes {
    /// Connects to the other processes; they find each other through `store`, under `name`.
    ///
    /// # Errors
    /// Not all processes come in time, or the device is CUDA and mindgap was built without NCCL.
    pub fn join(store: &Store, name: &str, member: Membership) -> Result<Self> {
        let Membership { rank, size, address, device, timeout, calls } = member;
        let name = CString::new(name)?;
        let address = CString::new(address.to_string())?;
        let interface = CString::new(std::env::var("GLOO_SOCKET_IFNAME").unwrap_or_default())?;
        // SAFETY: the strings live through the calls, and the group shares ownership of the store.
        let group = made(|out| unsafe {
            let mut own = ptr::null_mut();
            let failed = mindgap_store_prefixed(store.0, name.as_ptr(), &mut own);
            if !failed.is_null() {
                return failed;
            }
            let own = Store(own);
            let limit = milliseconds(timeout);
            let cuda = matches!(device, Device::Cuda(_));
            mindgap_group_new(own.0, cuda, rank as i32, size as i32, address.as_ptr(), interface.as_ptr(), limit, out)
        })?;
        Ok(Self { group, rank, size, calls: Arc::clone(calls) })
    }

    fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

impl Collective for Processes {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_reduce(&self, tensor: &Tensor, operation: Reduce) -> Result<()> {
        self.count_call();
        let operation = match operation {
            Reduce::Sum => 0,
            Reduce::Max => 2,
        };
        // SAFETY: group and tensor live through the call, which ends when the work is done (queued, on CUDA).
        check(unsafe { mindgap_group_all_reduce(self.group, pointer(tensor), operation) })
    }

    fn broadcast(&self, tensor: &Tensor) -> Result<()> {
        self.count_call();
        // SAFETY: as in `all_reduce`.
        check(unsafe { mindgap_group_broadcast(self.group, pointer(tensor)) })
    }

    fn barrier(&self) -> Result<()> {
        self.count_call();
        // SAFETY: the group lives through the call.
        check(unsafe { mindgap_group_barrier(self.group) })
    }

    /// The result must not outlive this value, which its backward pass uses.
    fn sum(&self, x: &Tensor) -> Result<Tensor> {
        self.count_call();
        // SAFETY: as in `all_reduce`; `out` is owned by the new Tensor.
        new_tensor(|out| unsafe { mindgap_group_sum(self.group, pointer(x), out) })
    }
}

/// A socket that listens at `host:port` only; port 0 stands for any free one.
///
/// # Errors
/// `host` is no address of this machine, or the port is taken.
pub fn listen(host: &str, port: u16) -> Result<TcpListener> {
    TcpListener::bind((host, port)).with_context(|| {
        format!(
            "rank 0 cannot listen at {host}:{port}; MASTER_ADDR must be an address of its machine and MASTER_PORT free there"
        )
    })
}

/// The address of this machine from which connections to `host` go out.
///
/// # Errors
/// The name cannot be resolved, or there is no route to it.
pub fn address_towards(host: &str, port: u16) -> Result<IpAddr> {
    let failure = || format!("there is no route to {host}, the MASTER_ADDR");
    let mut last = anyhow!("the name has no address");
    for there in (host, port).to_socket_addrs().with_context(failure)? {
        let any: IpAddr = if there.is_ipv4() { [0u8; 4].into() } else { [0u16; 8].into() };
        // Nothing is sent: to connect a datagram socket only looks up the route.
        match UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(there).and_then(|()| socket.local_addr())) {
            Ok(here) => return Ok(here.ip()),
            Err(error) => last = error.into(),
        }
    }
    Err(last).with_context(failure)
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The pointer that `call` writes, unless it fails.
fn made(call: impl FnOnce(*mut *mut c_void) -> *mut c_char) -> Result<*mut c_void> {
    let mut out = ptr::null_mut();
    check(call(&mut out))?;
    Ok(out)
}

/// The malloc'ed string that `call` writes; `None` where it writes a null pointer.
fn text(call: impl FnOnce(*mut *mut c_char) -> *mut c_char) -> Result<Option<String>> {
    let mut out = ptr::null_mut();
    check(call(&mut out))?;
    // SAFETY: null, or a string from strndup that nothing else uses.
    Ok(unsafe { take_text(out) })
}
