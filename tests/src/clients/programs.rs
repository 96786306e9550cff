//! Clients without a window: command-line programs, and a few lines for each language's library.

use std::time::Duration;

use super::{Client, Kind};

/// What a client that has nothing to compile may take, its start on a busy machine included.
const TOOL_DEADLINE: Duration = Duration::from_secs(20);
/// The same for one that compiles: the first run builds its standard library's TLS.
const TOOLCHAIN_DEADLINE: Duration = Duration::from_secs(180);

pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "openssl",
        kind: Kind::Tool,
        programs: &["openssl"],
        alpn: Some(&["h2", "http/1.1"]),
        deadline: TOOL_DEADLINE,
        // It ends after the handshake, since its standard input is empty.
        arguments: |command, target| {
            command.args(["s_client", "-connect", &target.address(), "-servername", target.host]);
            command.args(["-alpn", "h2,http/1.1"]);
            Ok(())
        },
    },
    Client {
        name: "curl",
        kind: Kind::Tool,
        programs: &["curl"],
        alpn: None,
        deadline: TOOL_DEADLINE,
        arguments: |command, target| {
            command.args(["--disable", "--silent", "--show-error", "--insecure"]);
            command.args(["--max-time", "15", "--output", "/dev/null", &target.url()]);
            Ok(())
        },
    },
    Client {
        name: "python",
        kind: Kind::Tool,
        programs: &["python3"],
        alpn: Some(&["http/1.1"]),
        deadline: TOOL_DEADLINE,
        arguments: |command, target| {
            command.args(["-c", PYTHON, target.host, &target.port.to_string()]);
            Ok(())
        },
    },
    Client {
        name: "wget",
        kind: Kind::Tool,
        programs: &["wget"],
        alpn: None,
        deadline: TOOL_DEADLINE,
        arguments: |command, target| {
            command.args(["--no-config", "--no-hsts", "--no-check-certificate", "--tries=1"]);
            command.args(["--timeout=15", "--quiet", "--output-document=/dev/null"]);
            command.arg(target.url());
            Ok(())
        },
    },
    Client {
        name: "gnutls",
        kind: Kind::Tool,
        programs: &["gnutls-cli"],
        alpn: Some(&["h2", "http/1.1"]),
        deadline: TOOL_DEADLINE,
        arguments: |command, target| {
            command.args(["--insecure", "--port", &target.port.to_string()]);
            command.args(["--alpn=h2", "--alpn=http/1.1"]);
            command.args(["--sni-hostname", target.host, target.host]);
            Ok(())
        },
    },
    Client {
        name: "node",
        kind: Kind::Tool,
        programs: &["node", "nodejs"],
        alpn: Some(&["http/1.1"]),
        deadline: TOOL_DEADLINE,
        arguments: |command, target| {
            command.args(["-e", NODE, target.host, &target.port.to_string()]);
            Ok(())
        },
    },
    Client {
        name: "java",
        kind: Kind::Toolchain,
        programs: &["java"],
        alpn: Some(&["h2", "http/1.1"]),
        deadline: TOOLCHAIN_DEADLINE,
        arguments: |command, target| {
            let source = target.file("Hello.java", JAVA)?;
            command.arg(source).args([target.host, &target.port.to_string()]);
            Ok(())
        },
    },
    Client {
        name: "go",
        kind: Kind::Toolchain,
        programs: &["go"],
        alpn: Some(&["h2", "http/1.1"]),
        deadline: TOOLCHAIN_DEADLINE,
        arguments: |command, target| {
            let source = target.file("hello.go", GO)?;
            command.env("GOCACHE", target.scratch.join("cache"));
            command.env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
            command.arg("run").arg(source).args([target.host, &target.port.to_string()]);
            Ok(())
        },
    },
];

const PYTHON: &str = r#"
import socket, ssl, sys
host, port = sys.argv[1], int(sys.argv[2])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.set_alpn_protocols(["http/1.1"])
with socket.create_connection((host, port), 15) as plain:
    with context.wrap_socket(plain, server_hostname=host) as secure:
        secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while secure.recv(4096):
            pass
"#;

const NODE: &str = r#"
const [host, port] = process.argv.slice(1);
const options = { host, port, servername: host, ALPNProtocols: ["http/1.1"], rejectUnauthorized: false };
const socket = require("tls").connect(options, () => socket.end());
socket.setTimeout(15000, () => socket.destroy(new Error("timeout")));
"#;

const JAVA: &str = r#"
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.*;

public class Hello {
    public static void main(String[] arguments) throws Exception {
        TrustManager any = new X509TrustManager() {
            public void checkClientTrusted(X509Certificate[] chain, String type) {}
            public void checkServerTrusted(X509Certificate[] chain, String type) {}
            public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
        };
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] { any }, new SecureRandom());
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(host, port)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(List.of(new SNIHostName(host)));
            parameters.setApplicationProtocols(new String[] { "h2", "http/1.1" });
            socket.setSSLParameters(parameters);
            socket.startHandshake();
        }
    }
}
"#;

const GO: &str = r#"
package main

import (
	"crypto/tls"
	"log"
	"os"
)

func main() {
	host, port := os.Args[1], os.Args[2]
	connection, err := tls.Dial("tcp", host+":"+port, &tls.Config{
		InsecureSkipVerify: true,
		ServerName:         host,
		NextProtos:         []string{"h2", "http/1.1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	connection.Close()
}
"#;
