//! Client connections: plain or TLS on one port, limited in number, with what is known of each.

use std::collections::HashMap;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use pgwire::tokio::TlsAcceptor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tonic::transport::server::Connected;

use super::sessions::{Open, Sessions};
use crate::server::Door;

/// The time limit for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// The time limit for authentication.
const STARTUP: Duration = Duration::from_secs(60);
/// How many sessions one connection may open by sending name and password with its calls.
pub const MOST_LOGINS: usize = 64;

trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// What is known of a connection.
pub struct Peer {
    pub id: u64,
    /// The client's address; `None` for a Unix socket, which only the server's user can open.
    pub address: Option<SocketAddr>,
    /// True for a client on this machine.
    pub is_near: bool,
    /// True within TLS.
    pub is_secure: bool,
    /// True once a call was authenticated.
    pub is_known: AtomicBool,
    /// The session of anonymous calls.
    pub nameless: Mutex<Weak<Open>>,
    /// The sessions of calls with name and password, by a digest of both.
    pub logins: Mutex<HashMap<[u8; 32], Weak<Open>>>,
}

impl Peer {
    /// True for the server's own user: nobody else can open its socket.
    pub fn is_owner(&self) -> bool {
        self.address.is_none()
    }
}

/// The connection, for the calls that come over it.
#[derive(Clone)]
pub struct Caller(pub Arc<Peer>);

/// A connection.
pub struct Connection {
    bytes: Box<dyn Bytes>,
    peer: Arc<Peer>,
    sessions: Arc<Sessions>,
    /// When reading stops unless the client has authenticated by then.
    patience: Pin<Box<tokio::time::Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.sessions.gone(&self.peer);
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        Caller(Arc::clone(&self.peer))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let is_known = self.peer.is_known.load(Ordering::Relaxed);
        if !is_known && self.patience.as_mut().poll(context).is_ready() {
            // As if the client had closed its side.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.bytes).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(context, bytes)
    }

    // Without these two, the head and the body of each frame of HTTP/2 would be written one after the other, as packets of their own.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.bytes.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }
}

/// Where clients connect.
pub enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Socket(tokio::net::UnixListener),
}

/// A client that has connected.
enum Accepted {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Socket(tokio::net::UnixStream),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, address)| Accepted::Tcp(stream, address)),
            #[cfg(unix)]
            Self::Socket(listener) => listener.accept().await.map(|(stream, _)| Accepted::Socket(stream)),
        }
    }
}

/// Accepts connections until the server is stopped.
pub async fn accept(
    listener: Listener,
    door: Arc<Door>,
    sessions: Arc<Sessions>,
    most: usize,
    sender: mpsc::Sender<Connection>,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(most));
    let next = Arc::new(AtomicU64::new(1));
    // The same certificate, with HTTP/2 as protocol.
    let tls = door.tls.as_ref().map(|tls| {
        let mut config = rustls::ServerConfig::clone(tls.acceptor.config());
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    });
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok(accepted) = accepted else {
            // Too many open files: some will be closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Beyond the limit, the connection is closed.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let address = match &accepted {
            Accepted::Tcp(_, address) => Some(*address),
            #[cfg(unix)]
            Accepted::Socket(_) => None,
        };
        let is_near = address.is_none_or(|address| address.ip().to_canonical().is_loopback());
        let (tls, sessions, sender, next) = (tls.clone(), Arc::clone(&sessions), sender.clone(), Arc::clone(&next));
        Handle::current().spawn(async move {
            let begun = tokio::time::timeout(HANDSHAKE, begin(accepted, tls));
            let Ok(Some((bytes, is_secure))) = begun.await else { return };
            let id = next.fetch_add(1, Ordering::Relaxed);
            let (nameless, logins) = (Mutex::default(), Mutex::default());
            let peer = Arc::new(Peer { id, address, is_near, is_secure, is_known: AtomicBool::new(false), nameless, logins });
            let patience = Box::pin(tokio::time::sleep(STARTUP));
            // Nobody receives it once the server is stopped.
            let _ = sender.send(Connection { bytes, peer, sessions, patience, _place: place }).await;
        });
    }
}

/// Detects whether a client begins with TLS.
async fn begin(accepted: Accepted, tls: Option<TlsAcceptor>) -> Option<(Box<dyn Bytes>, bool)> {
    let stream = match accepted {
        Accepted::Tcp(stream, _) => stream,
        #[cfg(unix)]
        Accepted::Socket(stream) => return Some((Box::new(stream), false)),
    };
    // Answers are small, and should be sent at once.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 0 {
        return None;
    }
    // The first byte of TLS; HTTP/2 begins with a letter.
    match (first == [0x16], tls) {
        (true, Some(tls)) => {
            let stream = tls.accept(stream).await.ok()?;
            Some((Box::new(stream), true))
        }
        (true, None) => None,
        (false, _) => Some((Box::new(stream), false)),
    }
}
