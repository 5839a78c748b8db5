//! Compiles the C++ beside `src/torch` and tells the linker where libtorch lies,
//! so that binaries, tests and examples run without LD_LIBRARY_PATH.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let sources = ["shim", "script", "conv", "norm_relu", "sample"].map(|name| format!("src/torch/{name}.cpp"));
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
