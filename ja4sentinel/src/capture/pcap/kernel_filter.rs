//! Filters in the kernel, exchanged at one stroke.
//!
//! libpcap lets nothing through while it changes a filter. A hello that comes in just then would be
//! lost, so we hand libpcap's program to the kernel ourselves: it goes from one to the other between
//! two packets (`socket(7)`, SO_ATTACH_FILTER).

use std::io;
use std::os::fd::AsRawFd;

use pcap::{Active, BpfProgram, Capture, Linktype};

/// libpcap's own number for frames that begin with the IP header.
const DLT_RAW: Linktype = Linktype(12);

/// Puts a filter in the place of the one there was.
///
/// # Errors
/// The expression is none, or the kernel refuses the program, as too long most likely.
pub(super) fn replace(
    capture: &Capture<Active>,
    cooked: bool,
    expression: &str,
) -> Result<(), pcap::Error> {
    // Before a cooked socket's filter the frame begins with its network header.
    let program = match cooked {
        true => Capture::dead(DLT_RAW)?.compile(expression, true)?,
        false => capture.compile(expression, true)?,
    };
    attach(capture, &program).map_err(|error| pcap::Error::PcapError(error.to_string()))
}

fn attach(capture: &Capture<Active>, program: &BpfProgram) -> io::Result<()> {
    #[expect(clippy::cast_possible_truncation, reason = "sixteen")]
    const LENGTH: libc::socklen_t = size_of::<libc::sock_fprog>() as libc::socklen_t;
    let instructions = program.get_instructions();
    let program = libc::sock_fprog {
        len: libc::c_ushort::try_from(instructions.len()).map_err(io::Error::other)?,
        filter: instructions.as_ptr().cast_mut().cast::<libc::sock_filter>(),
    };
    // SAFETY: the descriptor is open. The kernel reads the program, which lives until the call
    // returns and is as long as it says; libpcap's instructions are the kernel's, field by field.
    let failed = unsafe {
        libc::setsockopt(
            capture.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            LENGTH,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
