//! Rust side of `script.cpp`: TorchScript modules built from named tensors and source text.

use std::{
    ffi::{CString, c_char, c_void},
    path::Path,
    ptr::null_mut,
};

use anyhow::{Context, Result};
use tch::{Device, Tensor};
use torch_sys::C_tensor;

use super::shim::{check, new_tensor, pointer, take_text};

unsafe extern "C" {
    fn mindgap_script_new(name: *const c_char, out: *mut *mut c_void) -> *mut c_char;
    fn mindgap_script_tensor(
        module: *mut c_void,
        name: *const c_char,
        tensor: *mut C_tensor,
        is_buffer: bool,
    ) -> *mut c_char;
    fn mindgap_script_child(module: *mut c_void, name: *const c_char, child: *mut c_void) -> *mut c_char;
    fn mindgap_script_define(module: *mut c_void, source: *const c_char) -> *mut c_char;
    fn mindgap_script_train(module: *mut c_void, on: bool) -> *mut c_char;
    fn mindgap_script_save(
        module: *mut c_void,
        files: *const *const c_char,
        count: usize,
        bytes: *mut *mut c_char,
        length: *mut usize,
    ) -> *mut c_char;
    fn mindgap_script_load(
        path: *const c_char,
        cuda: i32,
        extra: *const c_char,
        text: *mut *mut c_char,
        out: *mut *mut c_void,
    ) -> *mut c_char;
    fn mindgap_script_forward(module: *mut c_void, input: *mut C_tensor, out: *mut *mut C_tensor) -> *mut c_char;
    fn mindgap_script_free(module: *mut c_void);
}

/// A TorchScript module: named tensors and child modules, and methods compiled from source.
///
/// It points to libtorch's `torch::jit::Module`.
#[derive(Debug)]
pub struct ScriptModule(*mut c_void);

impl ScriptModule {
    /// An empty module of a class called `name`, which must be unique among the modules of one file.
    pub fn new(name: &str) -> Result<Self> {
        let (name, mut out) = (CString::new(format!("__torch__.{name}"))?, null_mut());
        // SAFETY: a C string goes in; the new module is freed in `drop`.
        check(unsafe { mindgap_script_new(name.as_ptr(), &mut out) })?;
        Ok(Self(out))
    }

    /// Adds a tensor that gradients train.
    pub fn parameter(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        self.tensor(name, tensor, false)
    }

    /// Adds a tensor that is saved with the module and not trained.
    pub fn buffer(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        self.tensor(name, tensor, true)
    }

    fn tensor(&mut self, name: &str, tensor: &Tensor, is_buffer: bool) -> Result<()> {
        let name = CString::new(name)?;
        // SAFETY: module and tensor live; the module takes a reference of its own to the tensor.
        check(unsafe { mindgap_script_tensor(self.0, name.as_ptr(), pointer(tensor), is_buffer) })
    }

    /// Adds a child module. It is shared, so `child` may be dropped.
    pub fn child(&mut self, name: &str, child: &ScriptModule) -> Result<()> {
        let name = CString::new(name)?;
        // SAFETY: both live; the parent takes a reference of its own.
        check(unsafe { mindgap_script_child(self.0, name.as_ptr(), child.0) })
    }

    /// Compiles methods. The tensors and child modules that they use must have been added before.
    pub fn define(&mut self, source: &str) -> Result<()> {
        let text = CString::new(source)?;
        // SAFETY: a live module and a C string.
        check(unsafe { mindgap_script_define(self.0, text.as_ptr()) })
    }

    /// Sets the flag `training`, here and in all child modules. Python sees it after loading.
    pub fn set_training(&mut self, on: bool) -> Result<()> {
        // SAFETY: a live module.
        check(unsafe { mindgap_script_train(self.0, on) })
    }

    /// The bytes of a file that `torch.jit.load` reads. `extra` are names and contents of text files stored beside the
    /// module.
    pub fn to_bytes(&self, extra: &[(&str, &str)]) -> Result<Vec<u8>> {
        let words: Vec<CString> =
            extra.iter().flat_map(|&(name, text)| [name, text]).map(CString::new).collect::<Result<_, _>>()?;
        let pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
        let (mut bytes, mut length) = (null_mut(), 0);
        // SAFETY: `pointers` holds two C strings for each file; `bytes` is malloc'ed with `length` bytes on success.
        check(unsafe { mindgap_script_save(self.0, pointers.as_ptr(), extra.len(), &mut bytes, &mut length) })?;
        // SAFETY: the archive's `length` bytes; they are freed once, here.
        let archive = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) }.to_vec();
        unsafe { libc::free(bytes.cast()) };
        Ok(archive)
    }

    /// Reads a module, in eval mode, and the text file `extra` stored beside it, if there is one.
    ///
    /// A TorchScript file is a program: read untrusted ones in a separate process only.
    pub fn load(path: &Path, device: Device, extra: &str) -> Result<(Self, Option<String>)> {
        use std::os::unix::ffi::OsStrExt;
        let path = CString::new(path.as_os_str().as_bytes()).context("a path with a NUL byte")?;
        let cuda = if let Device::Cuda(index) = device { index as i32 } else { -1 };
        let (extra, mut text, mut out) = (CString::new(extra)?, null_mut(), null_mut());
        // SAFETY: C strings go in; `text` is null or malloc'ed, the module is new.
        check(unsafe { mindgap_script_load(path.as_ptr(), cuda, extra.as_ptr(), &mut text, &mut out) })?;
        // SAFETY: as said above, and nothing else uses `text`.
        Ok((Self(out), unsafe { take_text(text) }))
    }

    /// Runs `forward` on one tensor, without gradients. It must return one tensor.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        // SAFETY: both live; `out` is owned by the new Tensor.
        new_tensor(|out| unsafe { mindgap_script_forward(self.0, pointer(input), out) })
    }
}

impl Drop for ScriptModule {
    fn drop(&mut self) {
        // SAFETY: made by `new` or `load`, freed once.
        unsafe { mindgap_script_free(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn doubling() -> ScriptModule {
        let mut module = ScriptModule::new("Doubling").unwrap();
        module.parameter("weight", &Tensor::from_slice(&[2.0f32])).unwrap();
        module.define("def forward(self, x: Tensor) -> Tensor:\n    return x * self.weight\n").unwrap();
        module
    }

    #[test]
    fn a_module_is_read_back_with_the_text_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.pt");
        std::fs::write(&path, doubling().to_bytes(&[("about.json", "{\"ü\": 1}")]).unwrap()).unwrap();
        let (module, text) = ScriptModule::load(&path, Device::Cpu, "about.json").unwrap();
        assert_eq!(text.as_deref(), Some("{\"ü\": 1}"));
        let y = module.forward(&Tensor::from_slice(&[1.0f32, 3.0])).unwrap();
        assert_eq!(Vec::<f32>::try_from(y.to_kind(Kind::Float)).unwrap(), [2.0, 6.0]);
        assert_eq!(ScriptModule::load(&path, Device::Cpu, "else").unwrap().1, None);
    }

    #[test]
    fn faults_are_errors() {
        let error = doubling().define("def f(self):\n    return self.nothing\n").unwrap_err().to_string();
        assert!(error.contains("nothing"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.pt");
        std::fs::write(&path, b"PK no archive").unwrap();
        assert!(ScriptModule::load(&path, Device::Cpu, "x").is_err());
    }
}
