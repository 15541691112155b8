//! Signals that end the program: it leaves nothing behind.
//!
//! A script that runs hears Ctrl-C itself and ends as cancelled; [`Listening`] says that it does. At any other time, and for the signals
//! of a system that shuts down, when who listens has had a moment, the temporary folders are removed here and the program ends. So it does when Ctrl-C is pressed again and
//! again: what should have heard it may be stuck in a write.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use portraitdb::remove_temporary_folders;
use tokio::sync::Notify;

/// The exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;
/// Milliseconds that a program has to end when the system asks for it: a refresh writes that it was cancelled, a server lets statements end.
static NOTICE: AtomicU64 = AtomicU64::new(2000);
/// How often Ctrl-C is left to who listens.
const PATIENCE: usize = 3;
/// How long a script has to hear Ctrl-C: a write to a pipe that nobody reads from hears nothing.
const HEARING: Duration = Duration::from_millis(700);

/// How many listen to Ctrl-C themselves.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// How often it was pressed since the last of them began.
static PRESSED: AtomicUsize = AtomicUsize::new(0);
static PRESS: Notify = Notify::const_new();
/// Whether the last press was heard by who listens.
static HEARD: AtomicBool = AtomicBool::new(true);

/// How the program ends when it is interrupted.
static CODE: AtomicU8 = AtomicU8::new(INTERRUPTED);

/// The exit code of a script that was interrupted.
pub(super) fn code() -> u8 {
    CODE.load(Ordering::SeqCst)
}

/// Gives the program longer to end when the system asks for it.
pub(super) fn give(time: Duration) {
    NOTICE.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
}

/// How many programs have the terminal in the place of this one.
static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);

/// Says, as long as it lives, that another program has the terminal, a pager or an editor: Ctrl-C is meant for that one.
#[derive(Debug)]
pub(super) struct Elsewhere(());

impl Elsewhere {
    pub(super) fn new() -> Self {
        ELSEWHERE.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        ELSEWHERE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says, as long as it lives, that Ctrl-C is heard by who made it.
pub(super) struct Listening(());

impl Listening {
    pub(super) fn new() -> Self {
        PRESSED.store(0, Ordering::SeqCst);
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// Waits until Ctrl-C is pressed, or was since this began.
    pub(super) async fn interrupted(&self) {
        let mut press = std::pin::pin!(PRESS.notified());
        press.as_mut().enable();
        if PRESSED.load(Ordering::SeqCst) == 0 {
            press.await;
        }
        HEARD.store(true, Ordering::SeqCst);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Tells who listens that Ctrl-C was pressed; false when the program is to end.
fn is_heard() -> bool {
    HEARD.store(false, Ordering::SeqCst);
    let pressed = PRESSED.fetch_add(1, Ordering::SeqCst) + 1;
    PRESS.notify_waiters();
    LISTENERS.load(Ordering::SeqCst) > 0 && pressed < PATIENCE
}

/// Ends the program when who should have heard Ctrl-C has not. A person at a terminal sees that, and presses it again.
async fn unless_heard() {
    tokio::time::sleep(HEARING).await;
    if !HEARD.load(Ordering::SeqCst) && !std::io::stdout().is_terminal() {
        end(INTERRUPTED);
    }
}

/// Ends the program, once who listens has had time to end by itself.
#[cfg(unix)]
async fn end_soon(code: u8) {
    CODE.store(code, Ordering::SeqCst);
    if is_heard() {
        tokio::time::sleep(Duration::from_millis(NOTICE.load(Ordering::SeqCst))).await;
    }
    end(code);
}

fn end(code: u8) -> ! {
    remove_temporary_folders();
    std::process::exit(i32::from(code))
}

/// Starts listening for signals, on a thread that lives as long as the program.
pub(super) fn watch() {
    let (ready, started) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    let listen = move || runtime.block_on(listen(ready));
    // Its handle is forgotten, not dropped: it is never joined, and the process ends around it.
    std::mem::forget(std::thread::Builder::new().name("portrait-signals".into()).spawn(listen));
    let _ = started.recv();
}

#[cfg(unix)]
async fn listen(ready: std::sync::mpsc::Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};

    /// A file has grown to the limit of the process.
    const EXCEEDED_FILE_SIZE: i32 = 25;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    // That is an error of who writes to it, and no reason to die.
    let _exceeded = signal(SignalKind::from_raw(EXCEEDED_FILE_SIZE));
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds else { return };
    let _ = ready.send(());
    loop {
        tokio::select! {
            _ = interrupt.recv() => {
                if ELSEWHERE.load(Ordering::SeqCst) > 0 {
                    continue;
                }
                if !is_heard() {
                    end(INTERRUPTED);
                }
                unless_heard().await;
            }
            _ = terminate.recv() => end_soon(143).await,
            _ = hangup.recv() => end_soon(129).await,
        }
    }
}

#[cfg(not(unix))]
async fn listen(ready: std::sync::mpsc::Sender<()>) {
    let _ = ready.send(());
    while tokio::signal::ctrl_c().await.is_ok() {
        if !is_heard() {
            end(INTERRUPTED);
        }
        unless_heard().await;
    }
}
