//! How the program is linked.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // At a fixed address the program starts without relocating half a million pointers, which takes as long as planning a query and
    // makes private copies of the pages they are in. The stack, the heap and the libraries remain at random addresses.
    let target = |part: &str| var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        println!("cargo:rustc-link-arg-tests=-no-pie");
    }
}
