// SPDX-License-Identifier: BSD-2-Clause
//! rustls through memory, for bench/peers/peer_rustls.c: what an application writes goes to the
//! wire by `write_tls`, what is on the wire comes in by `read_tls` and `process_new_packets`.

use rustls::client::{ServerCertVerified, ServerCertVerifier};
use rustls::{Certificate, ClientConfig, ClientConnection, Error, PrivateKey, ServerConfig};
use rustls::{ServerConnection, ServerName, SupportedCipherSuite, ALL_KX_GROUPS};
use std::io::{ErrorKind, IoSlice, Read, Result, Write};
use std::sync::Arc;
use std::time::SystemTime;

/// `struct wire` of peer.h; its functions, so that nothing here has to know how it works.
#[repr(C)]
pub struct Wire {
    _of_c: [u8; 0],
}

extern "C" {
    fn wire_put(wire: *mut Wire, bytes: *const u8, len: usize) -> bool;
    fn wire_get(wire: *mut Wire, bytes: *mut u8, len: usize) -> usize;
}

struct End(*mut Wire);

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match unsafe { wire_put(self.0, bytes.as_ptr(), bytes.len()) } {
            true => Ok(bytes.len()),
            false => Err(ErrorKind::OutOfMemory.into()),
        }
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize> {
        let mut written = 0;
        for piece in pieces {
            written += self.write(piece)?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Read for End {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        match unsafe { wire_get(self.0, room.as_mut_ptr(), room.len()) } {
            0 => Err(ErrorKind::WouldBlock.into()), // 0 would say that there is an end
            got => Ok(got),
        }
    }
}

pub struct Ends {
    client: ClientConnection,
    server: Option<ServerConnection>,
    up: *mut Wire,
    down: *mut Wire,
}

/// The certificate signs itself, and nobody asks for whom.
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &Certificate,
        _intermediates: &[Certificate],
        _server_name: &ServerName,
        _scts: &mut dyn Iterator<Item = &[u8]>,
        _ocsp_response: &[u8],
        _now: SystemTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
}

fn suite(tls13: bool, cipher: usize) -> SupportedCipherSuite {
    use rustls::cipher_suite::*;
    let known = [
        [
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        [TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256],
    ];
    known[usize::from(tls13)][cipher]
}

fn begin(cert: &[u8], key: &[u8], tls13: bool, cipher: usize) -> Option<(ClientConnection, ServerConnection)> {
    let suites = [suite(tls13, cipher)];
    let versions = [if tls13 { &rustls::version::TLS13 } else { &rustls::version::TLS12 }];
    let client = ClientConfig::builder()
        .with_cipher_suites(&suites)
        .with_kx_groups(&ALL_KX_GROUPS)
        .with_protocol_versions(&versions)
        .ok()?
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    let mut server = ServerConfig::builder()
        .with_cipher_suites(&suites)
        .with_kx_groups(&ALL_KX_GROUPS)
        .with_protocol_versions(&versions)
        .ok()?
        .with_no_client_auth()
        .with_single_cert(vec![Certificate(cert.to_vec())], PrivateKey(key.to_vec()))
        .ok()?;
    server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    let name = ServerName::try_from("localhost").ok()?;
    let client = ClientConnection::new(Arc::new(client), name).ok()?;
    Some((client, ServerConnection::new(Arc::new(server)).ok()?))
}

impl Ends {
    fn shake_hands(&mut self) -> Option<()> {
        let (mut up, mut down) = (End(self.up), End(self.down));
        let server = self.server.as_mut()?;
        while self.client.is_handshaking() || server.is_handshaking() || server.wants_write() {
            while self.client.wants_write() {
                self.client.write_tls(&mut up).ok()?;
            }
            while server.read_tls(&mut up).is_ok() {
                server.process_new_packets().ok()?;
            }
            while server.wants_write() {
                server.write_tls(&mut down).ok()?;
            }
            while self.client.read_tls(&mut down).is_ok() {
                self.client.process_new_packets().ok()?;
            }
        }
        Some(())
    }

    fn seal(&mut self, text: &[u8], count: usize) -> Result<()> {
        let mut up = End(self.up);
        for _ in 0..count {
            self.client.writer().write_all(text)?;
            self.client.write_tls(&mut up)?;
        }
        Ok(())
    }

    fn open(&mut self, room: &mut [u8], count: usize) -> Result<()> {
        let mut up = End(self.up);
        let server = self.server.as_mut().ok_or(ErrorKind::NotConnected)?;
        for _ in 0..count {
            let mut done = 0;
            while done < room.len() {
                match server.reader().read(&mut room[done..]) {
                    Ok(got) if got > 0 => done += got,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        server.read_tls(&mut up)?;
                        server.process_new_packets().map_err(|_| ErrorKind::InvalidData)?;
                    }
                    _ => return Err(ErrorKind::InvalidData.into()),
                }
            }
        }
        Ok(())
    }
}

/// A finished handshake, or NULL.
/// # Safety
/// The pointers are good for their lengths; the wires stay until `rustls_peer_stop`.
#[no_mangle]
pub unsafe extern "C" fn rustls_peer_start(
    cert: *const u8,
    cert_len: usize,
    key: *const u8,
    key_len: usize,
    tls13: bool,
    cipher: usize,
    up: *mut Wire,
    down: *mut Wire,
) -> *mut Ends {
    let cert = std::slice::from_raw_parts(cert, cert_len);
    let key = std::slice::from_raw_parts(key, key_len);
    let started = begin(cert, key, tls13, cipher).and_then(|(client, server)| {
        let mut ends = Box::new(Ends { client, server: Some(server), up, down });
        ends.shake_hands().map(|()| ends)
    });
    started.map_or(std::ptr::null_mut(), Box::into_raw)
}

/// # Safety
/// `ends` is of `rustls_peer_start`, `text` good for `len`.
#[no_mangle]
pub unsafe extern "C" fn rustls_peer_seal(
    ends: *mut Ends,
    text: *const u8,
    len: usize,
    count: usize,
) -> bool {
    (*ends).seal(std::slice::from_raw_parts(text, len), count).is_ok()
}

/// # Safety
/// As `rustls_peer_seal`.
#[no_mangle]
pub unsafe extern "C" fn rustls_peer_open(
    ends: *mut Ends,
    room: *mut u8,
    len: usize,
    count: usize,
) -> bool {
    (*ends).open(std::slice::from_raw_parts_mut(room, len), count).is_ok()
}

/// Frees what a server has of a connection.
/// # Safety
/// As `rustls_peer_seal`.
#[no_mangle]
pub unsafe extern "C" fn rustls_peer_drop_server(ends: *mut Ends) {
    (*ends).server = None;
}

/// # Safety
/// As `rustls_peer_seal`; not used again.
#[no_mangle]
pub unsafe extern "C" fn rustls_peer_stop(ends: *mut Ends) {
    drop(Box::from_raw(ends));
}
