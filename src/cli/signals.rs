//! Signals that end the program without leaving anything behind.
//!
//! A running script handles Ctrl-C itself and ends as cancelled; [`Listening`] says that it does. At any other time, the temporary folders
//! are removed here and the program ends. The same happens on the signals of a system that shuts down, after listeners have had a moment to
//! end by themselves, and when Ctrl-C is pressed repeatedly, because the listener may be stuck in a write.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use portraitdb::remove_temporary_folders;
use tokio::sync::Notify;

/// The exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;
/// Milliseconds that the program has for ending when the system asks for it: a refresh records that it was cancelled, a server lets
/// statements end.
static NOTICE: AtomicU64 = AtomicU64::new(2000);
/// How many presses of Ctrl-C are left to the listener.
const PATIENCE: usize = 3;
/// How long a script has to react to Ctrl-C: while it writes to a pipe that nobody reads, it cannot react.
const HEARING: Duration = Duration::from_millis(700);

/// The number of listeners that handle Ctrl-C themselves.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// How often it was pressed since somebody listens.
static PRESSED: AtomicUsize = AtomicUsize::new(0);
static PRESS: Notify = Notify::const_new();
/// Whether a listener has noticed the last press.
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

/// How many other programs are using the terminal instead of this one.
static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);

/// While it lives, another program uses the terminal, such as a pager or an editor, and Ctrl-C is meant for that one.
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

/// Whether the program goes on when Ctrl-C is pressed while nobody listens.
static STAYING: AtomicBool = AtomicBool::new(false);

/// From now on, Ctrl-C between two statements does not end the program: the shell shows its next prompt.
pub(super) fn stay() {
    STAYING.store(true, Ordering::SeqCst);
}

/// While it lives, its owner handles Ctrl-C.
///
/// One within another does not forget what was pressed before: a press between two parts of a longer work ends the work.
pub(super) struct Listening(());

impl Listening {
    pub(super) fn new() -> Self {
        if LISTENERS.fetch_add(1, Ordering::SeqCst) == 0 {
            PRESSED.store(0, Ordering::SeqCst);
        }
        Self(())
    }

    /// Waits until Ctrl-C is pressed, or returns at once if it was pressed since somebody listens.
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

/// Tells the listener that Ctrl-C was pressed; false if the program must end.
fn is_heard() -> bool {
    HEARD.store(false, Ordering::SeqCst);
    let pressed = PRESSED.fetch_add(1, Ordering::SeqCst) + 1;
    PRESS.notify_waiters();
    (LISTENERS.load(Ordering::SeqCst) > 0 || STAYING.load(Ordering::SeqCst)) && pressed < PATIENCE
}

/// Ends the program if the listener has not reacted to Ctrl-C. At a terminal, a person sees that and presses it again.
async fn unless_heard() {
    tokio::time::sleep(HEARING).await;
    if !HEARD.load(Ordering::SeqCst) && !std::io::stdout().is_terminal() {
        end(INTERRUPTED);
    }
}

/// Ends the program, after listeners have had time to end by themselves.
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
    // The handle is forgotten: the thread is never joined and ends with the process.
    std::mem::forget(std::thread::Builder::new().name("portrait-signals".into()).spawn(listen));
    let _ = started.recv();
}

#[cfg(unix)]
async fn listen(ready: std::sync::mpsc::Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};

    /// A file has grown to the limit of the process.
    const EXCEEDED_FILE_SIZE: i32 = 25;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    // The writer gets an error; the signal must not kill the program.
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
