//! Outputs.
mod settings;
pub use settings::{
    Compression, FileConfig, Filter, Format, OutputConfig, Rotation, SinkConfig, SocketType,
    SpoolConfig, UnixSocketConfig,
};
