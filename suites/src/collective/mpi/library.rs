//! The system's MPI, opened at run time: nothing of it is needed to build or to start.
#![expect(unsafe_code, reason = "functions of a C library, found by name")]

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use std::env;
use std::error::Error;
use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;
use vbench::launcher::Launched;
use vbench::prelude::Stop;

/// Names of the library: Open MPI 4 and 5, and whatever a compiler would link.
const OPEN_MPI: [&str; 2] = ["libmpi.so.40", "libmpi.so"];
/// Names of MPICH and its family.
const MPICH_FAMILY: [&str; 2] = ["libmpich.so.12", "libmpi.so.12"];
/// Names another one.
const CHOICE: &str = "VBENCH_MPI_LIBRARY";
/// `MPI_THREAD_SINGLE`, the same in both, and what programs ask for that ask for nothing: one
/// thread speaks to MPI, and the others (which wait for a signal or a limit) never do. Open MPI 4
/// guards its lists from `MPI_THREAD_FUNNELED` on, and 8 B then took up to twice the time.
/// Its `OMPI_MPI_THREAD_LEVEL` asks for another.
const SINGLE: c_int = 0;
/// The levels by their number.
const LEVELS: [&str; 4] = ["single", "funneled", "serialized", "multiple"];
/// At least `MPI_MAX_LIBRARY_VERSION_STRING` of both (256 and 8192).
const VERSION_BYTES: usize = 8192;
/// At least `MPI_MAX_PROCESSOR_NAME` of both (256 and 128).
const NAME_BYTES: usize = 256;
/// What each rank may say to all: more than any name or reason is long.
const TEXT_BYTES: usize = 1024;

/// What MPI could not do.
pub struct Fault(String);

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.0
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fail(fault.0)
    }
}

/// A handle: the address of an object in Open MPI, a number of 32 bits in MPICH. As an argument
/// either fits a register of 64 bits.
type Handle = usize;

/// The handles that are used, which the two families define differently.
#[derive(Clone, Copy)]
struct Handles {
    world: Handle,
    byte: Handle,
    float: Handle,
    double: Handle,
    sum: Handle,
    max: Handle,
    in_place: usize,
}

/// Values of MPICH's `mpi.h`, which its ABI fixes for the whole family.
const MPICH: Handles = Handles {
    world: 0x4400_0000,
    byte: 0x4c00_010d,
    float: 0x4c00_040a,
    double: 0x4c00_080b,
    sum: 0x5800_0003,
    max: 0x5800_0001,
    in_place: usize::MAX,
};

type Reduce =
    unsafe extern "C" fn(*const c_void, *mut c_void, c_int, Handle, Handle, Handle) -> c_int;
type Spread = unsafe extern "C" fn(*mut c_void, c_int, Handle, c_int, Handle) -> c_int;
type Gather =
    unsafe extern "C" fn(*const c_void, c_int, Handle, *mut c_void, c_int, Handle, Handle) -> c_int;
type Text = unsafe extern "C" fn(*mut c_char, *mut c_int) -> c_int;
type Ask = unsafe extern "C" fn(Handle, *mut c_int) -> c_int;

/// All processes of the launcher.
pub struct World {
    /// This one.
    pub rank: usize,
    /// How many there are.
    pub ranks: usize,
    /// What the library says it is.
    pub version: String,
    /// How many threads it is ready for: a name of the MPI standard's, in lower case.
    pub thread_level: &'static str,
    handles: Handles,
    all_reduce: Reduce,
    broadcast: Spread,
    all_gather: Gather,
    barrier: unsafe extern "C" fn(Handle) -> c_int,
    name: Text,
}

static FINALIZE: OnceLock<unsafe extern "C" fn() -> c_int> = OnceLock::new();

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> c_int;
}

extern "C" fn leave() {
    if let Some(finalize) = FINALIZE.get() {
        // SAFETY: MPI was initialised when this was registered, and nothing uses it after `main`.
        unsafe { finalize() };
    }
}

/// Whether a library can be opened.
///
/// # Errors
/// Each name with its reason.
pub fn exists(launched: Launched) -> Result<(), String> {
    open(launched).map(drop)
}

fn open(launched: Launched) -> Result<Library, String> {
    if cfg!(target_feature = "crt-static") {
        return Err("this is a static program, which cannot open libmpi".to_owned());
    }
    let chosen = env::var(CHOICE).ok();
    // Where both are installed, the launcher's own comes first.
    let names = match (&chosen, launched.by) {
        (Some(name), _) => vec![name.as_str()],
        (None, "PMI" | "MVAPICH") => [MPICH_FAMILY, OPEN_MPI].concat(),
        (None, _) => [OPEN_MPI, MPICH_FAMILY].concat(),
    };
    let mut first = None;
    for name in names {
        // SAFETY: MPI libraries are made to be loaded; what their initialisers do is what every
        // MPI program does. Their plugins need the symbols to be global.
        match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_GLOBAL) } {
            Ok(library) => return Ok(library),
            Err(error) => drop(first.get_or_insert(error)),
        }
    }
    // The error itself says only that it failed.
    let why = first.map(|error| error.source().map_or(error.to_string(), ToString::to_string));
    let why = why.unwrap_or_default();
    Err(format!("no MPI library: {why}; install Open MPI or MPICH, or name it in {CHOICE}"))
}

/// The function or object `name`.
///
/// # Safety
/// `T` is its type.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
    // SAFETY: as this function's.
    let found = unsafe { library.get::<T>(name.as_bytes()) };
    found.map(|symbol| *symbol).map_err(|error| format!("the MPI library lacks {name}: {error}"))
}

impl World {
    /// Initialises MPI, once in a process; it is finalised when the process exits.
    ///
    /// # Errors
    /// No library, one of neither family, or one that knows nothing of this launcher.
    pub fn enter(launched: Launched) -> Result<Self, String> {
        let library = open(launched)?;
        // SAFETY: the types of these functions in the MPI standard, with handles as above. The
        // library is never closed: its functions stay valid.
        unsafe {
            let init: unsafe extern "C" fn(*mut c_int, *mut c_void, c_int, *mut c_int) -> c_int =
                symbol(&library, "MPI_Init_thread")?;
            let version = text(symbol(&library, "MPI_Get_library_version")?, VERSION_BYTES)?;
            let handles = Handles::of(&library, &version)?;
            let rank: Ask = symbol(&library, "MPI_Comm_rank")?;
            let size: Ask = symbol(&library, "MPI_Comm_size")?;
            let mut world = Self {
                rank: 0,
                ranks: 0,
                version: version.split(',').next().unwrap_or_default().trim().to_owned(),
                thread_level: "unknown",
                handles,
                all_reduce: symbol(&library, "MPI_Allreduce")?,
                broadcast: symbol(&library, "MPI_Bcast")?,
                all_gather: symbol(&library, "MPI_Allgather")?,
                barrier: symbol(&library, "MPI_Barrier")?,
                name: symbol(&library, "MPI_Get_processor_name")?,
            };
            let finalize = symbol(&library, "MPI_Finalize")?;
            std::mem::forget(library);
            let mut provided = 0;
            let none = std::ptr::null_mut::<c_void>();
            done("MPI_Init_thread", init(none.cast(), none, SINGLE, &raw mut provided))?;
            let level = usize::try_from(provided).ok().and_then(|level| LEVELS.get(level));
            world.thread_level = level.copied().unwrap_or("unknown");
            if FINALIZE.set(finalize).is_ok() {
                atexit(leave);
            }
            world.rank = ask(rank, handles.world)?;
            world.ranks = ask(size, handles.world)?;
            world.matches(launched)
        }
    }

    /// A library that another launcher belongs to believes that it is alone.
    fn matches(self, launched: Launched) -> Result<Self, String> {
        if self.ranks == launched.ranks {
            return Ok(self);
        }
        Err(format!(
            "{} launched {} ranks, and {} sees {}: name the library of the launcher in {CHOICE}",
            launched.by, launched.ranks, self.version, self.ranks
        ))
    }

    /// The sums of all ranks' `input`, in `output`.
    ///
    /// # Errors
    /// More numbers than fit a C `int`, or what MPI says.
    pub fn sum(&self, input: &[f32], output: &mut [f32]) -> Result<(), Fault> {
        let count = count(input.len().min(output.len()))?;
        self.reduce(
            input.as_ptr().cast(),
            output.as_mut_ptr().cast(),
            count,
            self.handles.float,
            self.handles.sum,
        )
    }

    /// The sums of all ranks' `numbers`, in their place.
    ///
    /// # Errors
    /// As [`World::sum`].
    pub fn sum_in_place(&self, numbers: &mut [f32]) -> Result<(), Fault> {
        let (count, in_place) = (count(numbers.len())?, self.handles.in_place as *const c_void);
        self.reduce(
            in_place,
            numbers.as_mut_ptr().cast(),
            count,
            self.handles.float,
            self.handles.sum,
        )
    }

    /// The largest number of all ranks.
    ///
    /// # Errors
    /// What MPI says.
    pub fn max(&self, number: f64) -> Result<f64, Fault> {
        let mut largest = number;
        let (from, to) = (&raw const number, &raw mut largest);
        self.reduce(from.cast(), to.cast(), 1, self.handles.double, self.handles.max)?;
        Ok(largest)
    }

    fn reduce(
        &self,
        from: *const c_void,
        to: *mut c_void,
        count: c_int,
        of: Handle,
        by: Handle,
    ) -> Result<(), Fault> {
        // SAFETY: `to`, and `from` unless it says that the operation is in place, hold `count`
        // numbers of the type that `of` names; both are borrowed by the callers until this returns.
        done("MPI_Allreduce", unsafe {
            (self.all_reduce)(from, to, count, of, by, self.handles.world)
        })
    }

    /// The number that rank 0 gives.
    ///
    /// # Errors
    /// What MPI says.
    pub fn tell(&self, number: u32) -> Result<u32, Fault> {
        let mut bytes = number.to_ne_bytes();
        self.share(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    /// Waits for all ranks.
    ///
    /// # Errors
    /// What MPI says.
    pub fn barrier(&self) -> Result<(), Fault> {
        // SAFETY: it takes nothing but the handle.
        done("MPI_Barrier", unsafe { (self.barrier)(self.handles.world) })
    }

    /// The name of each rank's host.
    ///
    /// # Errors
    /// What MPI says.
    pub fn names(&self) -> Result<Vec<String>, Fault> {
        // SAFETY: `MPI_Get_processor_name` has this type and writes less than `NAME_BYTES`.
        let own = unsafe { text(self.name, NAME_BYTES) }?;
        self.gather(&own)
    }

    /// What each rank says, of which the first [`TEXT_BYTES`] count.
    ///
    /// # Errors
    /// What MPI says.
    pub fn gather(&self, own: &str) -> Result<Vec<String>, Fault> {
        let mut from = own.as_bytes().to_vec();
        from.resize(TEXT_BYTES, 0);
        let mut all = vec![0_u8; TEXT_BYTES * self.ranks];
        let (each, byte) = (TEXT_BYTES as c_int, self.handles.byte);
        // SAFETY: each rank gives `TEXT_BYTES`, and there is room for those of all.
        done("MPI_Allgather", unsafe {
            let (from, to) = (from.as_ptr().cast(), all.as_mut_ptr().cast());
            (self.all_gather)(from, each, byte, to, each, byte, self.handles.world)
        })?;
        Ok(all.chunks(TEXT_BYTES).map(until_zero).collect())
    }

    /// Gives everybody the bytes of rank 0, in place of their own.
    ///
    /// # Errors
    /// What MPI says.
    pub fn share(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        let (count, byte) = (count(bytes.len())?, self.handles.byte);
        // SAFETY: the buffer holds `count` bytes and outlives the call.
        done("MPI_Bcast", unsafe {
            (self.broadcast)(bytes.as_mut_ptr().cast(), count, byte, 0, self.handles.world)
        })
    }
}

impl Handles {
    /// Told apart by what the library says of itself.
    ///
    /// # Safety
    /// `library` is an MPI library.
    unsafe fn of(library: &Library, version: &str) -> Result<Self, String> {
        let mpich = ["MPICH", "MVAPICH", "Intel(R) MPI", "CRAY MPICH"];
        if mpich.iter().any(|name| version.contains(name)) {
            return Ok(MPICH);
        }
        if !version.contains("Open MPI") {
            let known = "Open MPI, MPICH and its family";
            return Err(format!("{version:?} is none of the MPI libraries known here ({known})"));
        }
        // SAFETY: objects that Open MPI's `mpi.h` names; only their addresses are used.
        let object = |name| unsafe { symbol::<*const c_void>(library, name) };
        let address = |name| object(name).map(|at| at as Handle);
        Ok(Self {
            world: address("ompi_mpi_comm_world")?,
            byte: address("ompi_mpi_byte")?,
            float: address("ompi_mpi_float")?,
            double: address("ompi_mpi_double")?,
            sum: address("ompi_mpi_op_sum")?,
            max: address("ompi_mpi_op_max")?,
            in_place: 1,
        })
    }
}

fn done(function: &str, code: c_int) -> Result<(), Fault> {
    // `MPI_SUCCESS` is 0 in both. By default an error ends all ranks before it is returned.
    if code == 0 { Ok(()) } else { Err(Fault(format!("{function} failed with code {code}"))) }
}

fn count(len: usize) -> Result<c_int, Fault> {
    c_int::try_from(len)
        .map_err(|_| Fault(format!("{len} numbers are more than one MPI call takes")))
}

/// # Safety
/// `function` is `MPI_Comm_rank` or `MPI_Comm_size` of an initialised library.
unsafe fn ask(function: Ask, world: Handle) -> Result<usize, Fault> {
    let mut number = 0;
    // SAFETY: it writes one number.
    done("MPI_Comm_rank or size", unsafe { function(world, &raw mut number) })?;
    usize::try_from(number).map_err(|_| Fault(format!("MPI gives {number} as rank or size")))
}

/// # Safety
/// `function` writes a text of less than `bytes`, and its length.
unsafe fn text(function: Text, bytes: usize) -> Result<String, Fault> {
    let mut buffer = vec![0_u8; bytes];
    let mut length = 0;
    // SAFETY: the buffer is as long as the text may be.
    done("an MPI text", unsafe { function(buffer.as_mut_ptr().cast(), &raw mut length) })?;
    Ok(until_zero(&buffer))
}

fn until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
