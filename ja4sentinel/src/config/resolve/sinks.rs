//! What was typed about the place that an output's lines go to.

use std::path::PathBuf;

use super::super::Place;
use super::super::raw::{
    FileParams, SinkType, StdoutParams, SyslogParams, TcpParams, Transport, UnixSocketParams,
};
use super::super::reading::{Reading, Typed, Value};
use super::super::values::{Count, Size};
use super::super::yaml::Node;
use super::or;
use crate::output::{
    Compression, Facility, FileConfig, Rotation, SinkConfig, SpoolConfig, SyslogConfig,
    SyslogTransport, TcpConfig, TlsConfig, UnixSocketConfig,
};

/// The sink, and the name that its output has if it is given none.
pub(super) fn resolve(
    kind: SinkType,
    params: &Option<Typed<Node>>,
    place: Place,
    reading: &mut Reading,
) -> Option<(SinkConfig, String)> {
    match kind {
        SinkType::Stdout => {
            let _: StdoutParams = read(params, reading);
            Some((SinkConfig::Stdout, "stdout".to_owned()))
        }
        SinkType::File => file(read(params, reading), place, reading),
        SinkType::UnixSocket => unix_socket(read(params, reading), place, reading),
        SinkType::Tcp => tcp(read(params, reading), place, reading),
        SinkType::Syslog => syslog(read(params, reading), place, reading),
    }
}

/// The parameters of an output, now that its type is known.
fn read<T: Value + Default>(params: &Option<Typed<Node>>, reading: &mut Reading) -> T {
    let Some(typed) = params else { return T::default() };
    reading
        .under(reading.step("params"), |reading| T::read(&typed.value, reading))
        .unwrap_or_default()
}

fn some<T>(typed: Option<Typed<T>>) -> Option<T> {
    typed.map(|typed| typed.value)
}

/// A parameter that must be there.
fn required<T: Value>(
    typed: Option<Typed<T>>,
    key: &str,
    place: Place,
    reading: &mut Reading,
) -> Option<T> {
    if typed.is_none() {
        reading.note_missing(&format!("params.{key}"), place, &T::allowed());
    }
    some(typed)
}

/// Notes a parameter that means nothing without another one.
fn needs<T>(typed: &Option<Typed<T>>, key: &str, other: &str, reading: &mut Reading) {
    if let Some(typed) = typed {
        let wrong = format!("has no meaning without {other}");
        reading.note_at(&format!("params.{key}"), typed.place, &wrong, "both, or neither");
    }
}

fn spool(
    directory: Option<Typed<PathBuf>>,
    size: Option<Typed<Size>>,
    reading: &mut Reading,
) -> Option<SpoolConfig> {
    let Some(directory) = some(directory) else {
        needs(&size, "spool_size", "spool_dir", reading);
        return None;
    };
    Some(SpoolConfig { directory, size: size.map_or(SpoolConfig::SIZE, |size| size.value.0) })
}

fn file(params: FileParams, place: Place, reading: &mut Reading) -> Option<(SinkConfig, String)> {
    if params.rotate_size.is_none() && params.rotate_age.is_none() {
        let other = "rotate_size or rotate_age";
        needs(&params.rotate_keep, "rotate_keep", other, reading);
        needs(&params.compression, "compression", other, reading);
    }
    let path = required(params.path, "path", place, reading)?;
    let name = format!("file:{}", path.display());
    let keep = |keep: Typed<Count<1, 10_000>>| u32::try_from(keep.value.0).unwrap_or(u32::MAX);
    let default = FileConfig::new(path);
    let sink = SinkConfig::File(FileConfig {
        flush_interval: or(&params.flush_interval, default.flush_interval),
        rotation: Rotation {
            size: params.rotate_size.map(|typed| typed.value.0),
            age: some(params.rotate_age),
            keep: params.rotate_keep.map_or(Rotation::KEEP, keep),
            compression: or(&params.compression, Compression::default()),
        },
        ..default
    });
    Some((sink, name))
}

fn unix_socket(
    params: UnixSocketParams,
    place: Place,
    reading: &mut Reading,
) -> Option<(SinkConfig, String)> {
    let spool = spool(params.spool_dir, params.spool_size, reading);
    let path = required(params.socket_path, "socket_path", place, reading)?;
    let name = format!("unix_socket:{}", path.display());
    let default = UnixSocketConfig::new(path);
    let socket_type = or(&params.socket_type, default.socket_type);
    Some((SinkConfig::UnixSocket(UnixSocketConfig { socket_type, spool, ..default }), name))
}

fn tcp(params: TcpParams, place: Place, reading: &mut Reading) -> Option<(SinkConfig, String)> {
    let spool = spool(params.spool_dir, params.spool_size, reading);
    let tls = or(&params.tls, false);
    if !tls {
        needs(&params.tls_ca, "tls_ca", "tls: true", reading);
        needs(&params.tls_server_name, "tls_server_name", "tls: true", reading);
    }
    let address = required(params.address, "address", place, reading)?;
    let name = format!("tcp:{address}");
    let tls = tls.then(|| TlsConfig {
        ca_file: some(params.tls_ca),
        server_name: some(params.tls_server_name),
    });
    Some((SinkConfig::Tcp(TcpConfig { address, tls, spool }), name))
}

fn syslog(
    params: SyslogParams,
    place: Place,
    reading: &mut Reading,
) -> Option<(SinkConfig, String)> {
    let transport = match or(&params.transport, Transport::default()) {
        Transport::Unix => {
            needs(&params.address, "address", "transport: udp or tcp", reading);
            SyslogTransport::Unix(
                some(params.socket_path).unwrap_or_else(|| SyslogTransport::LOCAL.into()),
            )
        }
        network => {
            needs(&params.socket_path, "socket_path", "transport: unix", reading);
            let address = required(params.address, "address", place, reading)?;
            match network {
                Transport::Udp => SyslogTransport::Udp(address),
                _ => SyslogTransport::Tcp(address),
            }
        }
    };
    let name = match &transport {
        SyslogTransport::Unix(path) => format!("syslog:{}", path.display()),
        SyslogTransport::Udp(address) => format!("syslog:udp:{address}"),
        SyslogTransport::Tcp(address) => format!("syslog:tcp:{address}"),
    };
    let facility = or(&params.facility, Facility::default());
    Some((SinkConfig::Syslog(SyslogConfig { transport, facility }), name))
}
