//! CUDA at run time: loads libtorch's kernels where its folder has them, and asks the NVIDIA driver for its devices.
//!
//! One binary serves machines with and without a GPU, so nothing of CUDA is needed to build it. libtorch's CUDA kernels
//! register themselves when `libtorch_cuda.so` is loaded. The linker leaves that library out, since the program names
//! no symbol of it; `dlopen` loads it here.

use std::{
    ffi::{CStr, OsStr, c_char, c_int},
    fmt,
    mem::ManuallyDrop,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Result, anyhow, bail, ensure};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY};

use super::{Installation, library};

/// The NVIDIA driver of this machine.
#[derive(Clone, Debug)]
pub struct Driver {
    /// The newest CUDA version that it supports, major and minor.
    pub version: (u32, u32),
    /// The devices that it shows to this process (after CUDA_VISIBLE_DEVICES), in its order.
    pub devices: Vec<Gpu>,
}

/// A CUDA device as the driver describes it.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// The model, such as `Tesla V100-SXM2-16GB`.
    pub name: String,
    /// Device memory \[bytes\].
    pub memory: u64,
    /// Compute capability, major and minor.
    pub capability: (u32, u32),
}

/// Loads libtorch's CUDA kernels, once in a process, and returns the path of their library.
/// The error says why they cannot be loaded and what to do.
fn load_kernels() -> Result<&'static Path> {
    static KERNELS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let loaded = KERNELS.get_or_init(|| {
        // The kernels must come from the folder of the libtorch that is running: another version's would not fit.
        let file = library::folder().join("libtorch_cuda.so");
        // With RTLD_GLOBAL its static constructors register the kernels with the libtorch that is already loaded.
        let why = if !file.exists() {
            format!("this libtorch has no CUDA kernels ({} is missing)", file.display())
        } else if let Err(why) = open(file.as_os_str(), RTLD_GLOBAL | RTLD_LAZY) {
            format!("libtorch's CUDA kernels cannot be loaded ({why})")
        } else {
            return Ok(file);
        };
        Err(format!("{why}. {}", Installation::here().cuda_remedy()))
    });
    loaded.as_deref().map_err(|why| anyhow!("{why}"))
}

/// The number of devices that libtorch can use, at least 1.
///
/// # Errors
/// No device can be used; the message says what is missing (kernels, driver, a driver that is new enough, a device) and
/// what to do.
pub fn usable_devices() -> Result<usize> {
    let driver = driver()?;
    let hint = match std::env::var("CUDA_VISIBLE_DEVICES") {
        Ok(list) => format!("CUDA_VISIBLE_DEVICES is '{list}'; change or unset it"),
        Err(_) => "See what nvidia-smi says".to_string(),
    };
    ensure!(!driver.devices.is_empty(), "the NVIDIA driver shows no device. {hint}");
    // The version is checked before the kernels are loaded: with too old a driver they only print a warning to stderr.
    check_age(driver.version, library::cuda_version(&library::folder()))?;
    load_kernels()?;
    let devices = tch::Cuda::device_count();
    ensure!(devices > 0, "libtorch can use none of the devices that the NVIDIA driver shows. {hint}");
    Ok(devices as usize)
}

/// Asks the NVIDIA driver for its version and devices.
pub fn driver() -> Result<Driver> {
    let library = open("libcuda.so.1".as_ref(), RTLD_LAZY)
        .map_err(|why| anyhow!("there is no NVIDIA driver ({why}). Install one, version 580 or newer for CUDA 13"))?;
    let calls =
        DriverCalls::find(&library).map_err(|why| anyhow!("the NVIDIA driver is incomplete ({why}). Reinstall it"))?;
    // SAFETY: each call gets the arguments that NVIDIA's driver API documents for it.
    unsafe {
        calls
            .check((calls.init)(0))
            .map_err(|why| anyhow!("the NVIDIA driver does not start ({why}). See what nvidia-smi says"))?;
        let mut version = 0;
        calls.check((calls.driver_version)(&mut version))?;
        let mut count = 0;
        calls.check((calls.device_count)(&mut count))?;
        let devices = (0..count).map(|index| calls.describe(index)).collect::<Result<_>>()?;
        // 13010 is 13.1.
        Ok(Driver { version: (version as u32 / 1000, version as u32 % 1000 / 10), devices })
    }
}

/// Fails when a driver that supports CUDA up to `driver` is too old for a libtorch built for CUDA `needed`. Only the
/// major version counts: within it an older driver runs newer libraries.
fn check_age(driver: (u32, u32), needed: Option<(u32, u32)>) -> Result<()> {
    let Some(needed) = needed else { return Ok(()) };
    ensure!(
        driver.0 >= needed.0,
        "the NVIDIA driver serves CUDA up to {}.{}, but this libtorch is built for {}.{}. Update the driver, or \
         use a torch {} built for an older CUDA",
        driver.0,
        driver.1,
        needed.0,
        needed.1,
        super::version()
    );
    Ok(())
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let gibibytes = self.memory as f64 / f64::from(1 << 30);
        let (major, minor) = self.capability;
        write!(f, "{}, {gibibytes:.1} GiB, compute capability {major}.{minor}", self.name)
    }
}

/// The functions of `cuda.h` that are called here. They identify a device by its index.
struct DriverCalls {
    init: unsafe extern "C" fn(flags: u32) -> c_int,
    driver_version: unsafe extern "C" fn(version: *mut c_int) -> c_int,
    device_count: unsafe extern "C" fn(count: *mut c_int) -> c_int,
    device_name: unsafe extern "C" fn(name: *mut c_char, size: c_int, device: c_int) -> c_int,
    device_memory: unsafe extern "C" fn(bytes: *mut usize, device: c_int) -> c_int,
    device_attribute: unsafe extern "C" fn(value: *mut c_int, attribute: c_int, device: c_int) -> c_int,
    error_string: unsafe extern "C" fn(code: c_int, text: *mut *const c_char) -> c_int,
}

impl DriverCalls {
    fn find(library: &Library) -> Result<Self, libloading::Error> {
        // SAFETY: the types of the fields are those that cuda.h declares for these names.
        unsafe {
            Ok(Self {
                init: *library.get(c"cuInit".to_bytes_with_nul())?,
                driver_version: *library.get(c"cuDriverGetVersion".to_bytes_with_nul())?,
                device_count: *library.get(c"cuDeviceGetCount".to_bytes_with_nul())?,
                device_name: *library.get(c"cuDeviceGetName".to_bytes_with_nul())?,
                device_memory: *library.get(c"cuDeviceTotalMem_v2".to_bytes_with_nul())?,
                device_attribute: *library.get(c"cuDeviceGetAttribute".to_bytes_with_nul())?,
                error_string: *library.get(c"cuGetErrorString".to_bytes_with_nul())?,
            })
        }
    }

    unsafe fn describe(&self, index: c_int) -> Result<Gpu> {
        // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
        const CAPABILITY: [c_int; 2] = [75, 76];
        let mut name = [0; 256];
        let mut memory = 0;
        let mut capability = [0; 2];
        unsafe {
            self.check((self.device_name)(name.as_mut_ptr(), name.len() as c_int - 1, index))?;
            self.check((self.device_memory)(&mut memory, index))?;
            for (value, attribute) in capability.iter_mut().zip(CAPABILITY) {
                self.check((self.device_attribute)(value, attribute, index))?;
            }
            let name = CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned();
            Ok(Gpu { name, memory: memory as u64, capability: (capability[0] as u32, capability[1] as u32) })
        }
    }

    /// Turns a CUresult into an error with the driver's own text.
    fn check(&self, code: c_int) -> Result<()> {
        if code == 0 {
            return Ok(());
        }
        let mut text = std::ptr::null();
        // SAFETY: the driver writes the address of one of its string constants, or null.
        unsafe { (self.error_string)(code, &mut text) };
        if text.is_null() {
            bail!("CUDA error {code}");
        }
        // SAFETY: the driver's string constants end with a NUL.
        bail!("CUDA error {code}: {}", unsafe { CStr::from_ptr(text) }.to_string_lossy())
    }
}

/// Opens a library, which is never closed.
fn open(name: &OsStr, flags: c_int) -> Result<ManuallyDrop<Library>, libloading::Error> {
    // SAFETY: the constructors of libtorch_cuda and libcuda are meant to run at any time.
    unsafe { Library::open(Some(name), flags) }.map(ManuallyDrop::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_older_major_version_of_the_driver_is_too_old() {
        assert!(check_age((13, 0), Some((13, 0))).is_ok());
        assert!(check_age((12, 2), Some((12, 8))).is_ok());
        assert!(check_age((14, 0), Some((13, 0))).is_ok());
        assert!(check_age((12, 9), None).is_ok());
        let error = check_age((12, 9), Some((13, 0))).unwrap_err().to_string();
        assert!(error.contains("12.9") && error.contains("13.0") && error.contains("Update the driver"), "{error}");
    }

    #[test]
    fn a_library_that_cannot_be_loaded_is_named() {
        let error = open("libmindgap-has-no-such.so".as_ref(), RTLD_LAZY).unwrap_err().to_string();
        assert!(error.contains("libmindgap-has-no-such.so"), "{error}");
    }
}
