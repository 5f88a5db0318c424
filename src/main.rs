//! Parses the command line, carries it out, and reports how it went.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandbox::cli::main()
}
