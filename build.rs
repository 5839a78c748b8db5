//! Compiles the C++ beside `src/torch` and tells the linker where libtorch lies,
//! so that binaries, tests and examples run without LD_LIBRARY_PATH.

use std::{
    env,
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let distributed = env::var_os("CARGO_FEATURE_DISTRIBUTED").is_some();
    let names = ["shim", "script", "conv", "norm_relu", "sample", "lists", "observe"]
        .into_iter()
        .chain(distributed.then_some("distributed"));
    let sources: Vec<String> = names.map(|name| format!("src/torch/{name}.cpp")).collect();
    for file in sources.iter().map(String::as_str).chain(["src/torch/border.h", "src/torch/lanes.h"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    for name in ["LIBTORCH", "LIBTORCH_INCLUDE", "LIBTORCH_CXX11_ABI"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    // torch-sys hands its direct dependents the folder it linked against.
    let lib = PathBuf::from(env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys names its library folder"));
    // The real folder, not the checkout's link to it: a binary copied elsewhere keeps working.
    let lib = lib.canonicalize().unwrap_or(lib);
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    println!("cargo:rustc-env=MINDGAP_LIBTORCH_LIB={}", lib.display());

    let root = env::var("LIBTORCH_INCLUDE").map_or_else(|_| lib.join(".."), PathBuf::from);
    let include = root.join("include");
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .warnings(false)
        // Training spends much of its time there, in whatever profile.
        .opt_level(3)
        .define("_GLIBCXX_USE_CXX11_ABI", env::var("LIBTORCH_CXX11_ABI").as_deref().unwrap_or("1"))
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        // Vectors wider than the least machine's are passed between inlined functions only.
        .flag_if_supported("-Wno-psabi")
        .files(sources);
    if distributed {
        build.define("USE_C10D_GLOO", None);
        nccl(&mut build, &lib);
    }
    // libtorch's parallel loops are OpenMP in its headers, and GNU's at run time: the library is the one beside it.
    // Without it they run on one thread.
    let gnu = build.get_compiler().is_like_gnu();
    if gnu {
        build.flag("-fopenmp");
    }
    build.compile("mindgap_shim");
    if gnu {
        println!("cargo:rustc-link-lib=gomp");
    }
}

/// Adds NCCL where libtorch has CUDA and NVIDIA's wheels lie beside it with their headers.
fn nccl(build: &mut cc::Build, lib: &Path) {
    let wheels = lib.join("../../nvidia");
    let headers = [wheels.join("nccl/include"), wheels.join("cu13/include"), wheels.join("cu13/include/cccl")];
    // Of the wheels nvidia-nccl-cu13, nvidia-cuda-crt and nvidia-cuda-cccl.
    let files = ["nccl/include/nccl.h", "cu13/include/crt/host_config.h", "cu13/include/cccl/nv/target"];
    let there = files.iter().all(|file| wheels.join(file).exists());
    if there && lib.join("libtorch_cuda.so").exists() {
        build.define("USE_C10D_NCCL", None).includes(&headers);
        println!("cargo:rustc-link-search=native={}", lib.display());
        println!("cargo:rustc-link-lib=torch_cuda");
    }
}
