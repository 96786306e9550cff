//! A bounded table of half-seen connections: segments and time in, contiguous client bytes out.
