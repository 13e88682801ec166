//! The fields of a type: refused by their text where that is enough, and else checked by assertions in the program itself.
//!
//! Invariant: a text that can be right for some type is not refused. So a path such as `Option<u8>` is checked by a bound on the type
//! that it names, and the name only chooses the words of the refusal.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Field, Fields, Index, Member, Result, Type};

/// Each field, and how it is named in an expression.
pub(crate) fn named(fields: &Fields) -> impl Iterator<Item = (Member, &Field)> {
    fields.iter().enumerate().map(|(index, field)| {
        let member = match &field.ident {
            Some(name) => Member::Named(name.clone()),
            None => Member::Unnamed(Index::from(index)),
        };
        (member, field)
    })
}

/// Statements that fail when the compiler evaluates them if there is padding or a `Drop`; an error if the text of a field is enough to
/// refuse it.
pub(crate) fn checks(input: &DeriveInput, fields: &Fields) -> Result<TokenStream> {
    let refusals = fields.iter().filter_map(|field| refusal(&field.ty));
    if let Some(refused) = refusals.reduce(|mut all, other| {
        all.combine(other);
        all
    }) {
        return Err(refused);
    }
    let name = &input.ident;
    let drop = format!(
        "`{name}` implements `Drop`, which nobody would call: the value stays in the memory when one process goes, and the last one \
         does not know that it is the last; let the handle of the memory do the work, or whoever takes the value out"
    );
    let mut checks = gaps(input, fields);
    checks
        .extend(quote_spanned! {name.span()=> ::core::assert!(!::core::mem::needs_drop::<#name>(), #drop); });
    Ok(checks)
}

/// Each field begins where the one before it ends, and the struct ends with the last.
fn gaps(input: &DeriveInput, fields: &Fields) -> TokenStream {
    let name = &input.ident;
    let why = "bytes that belong to no field carry whatever was in this process's memory to every process that maps them; order the \
               fields by alignment, largest first, and give what is left a name: `reserved: [u8; N]`";
    let mut sum = quote!(0usize);
    let mut checks = TokenStream::new();
    for (member, field) in named(fields) {
        let ty = &field.ty;
        let text = format!("`{name}` has padding before `{}`: {why}", quote!(#member));
        checks.extend(quote_spanned! {field.span()=>
            ::core::assert!(::core::mem::offset_of!(#name, #member) == #sum, #text);
        });
        sum = quote!(#sum + ::core::mem::size_of::<#ty>());
    }
    let text = format!("`{name}` has padding at its end: {why}");
    checks.extend(
        quote_spanned! {name.span()=> ::core::assert!(::core::mem::size_of::<#name>() == #sum, #text); },
    );
    checks
}

/// Why a type whose text alone says so cannot be there.
fn refusal(ty: &Type) -> Option<Error> {
    let (what, why, instead) = match ty {
        Type::Array(array) => return refusal(&array.elem),
        Type::Group(group) => return refusal(&group.elem),
        Type::Paren(paren) => return refusal(&paren.elem),
        Type::Reference(_) => (
            "a reference",
            "the address means nothing in another process",
            "keep the value itself, or its index in an array that lives in the same shared memory",
        ),
        Type::Ptr(_) => (
            "a pointer",
            "the address means nothing in another process",
            "keep an offset from the start of the shared memory, as `usize` or `AtomicUsize`",
        ),
        Type::FnPtr(_) => (
            "a function pointer",
            "the function has another address in another process",
            "keep a number that says which function is meant",
        ),
        Type::TraitObject(_) => (
            "a trait object",
            "the table of its functions has another address in another process",
            "keep a number that says which type is meant",
        ),
        Type::Slice(_) => (
            "a slice",
            "its length is known to this process alone",
            "keep an array `[T; N]`, or put the slice in a memory of its own: `Typed<[T]>`",
        ),
        Type::Tuple(tuple) if !tuple.elems.is_empty() => (
            "a tuple",
            "each compilation may order its fields as it likes",
            "make a `#[repr(C)]` struct with named fields",
        ),
        _ => return None,
    };
    Some(Error::new_spanned(
        ty,
        format!("{what} cannot live in shared memory: {why}; {instead}"),
    ))
}

/// The fingerprint of a field's type, which it has if it is `Shared`. It is asked for by the trait in `core_process::shm::derived` whose
/// refusal has the right words if the type is what its name says.
pub(crate) fn fingerprint(ty: &Type) -> TokenStream {
    match ty {
        Type::Array(array) => {
            let (element, count) = (fingerprint(&array.elem), &array.len);
            quote!(#element.repeated(#count))
        }
        Type::Group(group) => fingerprint(&group.elem),
        Type::Paren(paren) => fingerprint(&paren.elem),
        _ => {
            let bound = bound(ty);
            quote_spanned! {ty.span()=> <#ty as ::core_process::shm::derived::#bound>::OF_FIELD }
        }
    }
}

fn bound(ty: &Type) -> TokenStream {
    let name = match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    };
    match name.as_deref().unwrap_or_default() {
        "Box" | "Vec" | "VecDeque" | "String" | "Rc" | "Arc" | "Weak" | "HashMap" | "HashSet"
        | "BTreeMap" | "BTreeSet" | "CString" | "OsString" | "PathBuf" | "Cow" | "NonNull" | "AtomicPtr" => {
            quote!(SelfContained)
        }
        "bool" | "char" | "AtomicBool" | "Option" | "Result" | "NonZero" | "NonZeroU8" | "NonZeroU16"
        | "NonZeroU32" | "NonZeroU64" | "NonZeroUsize" | "NonZeroI32" | "NonZeroI64" | "Ordering" => {
            quote!(AnyBits)
        }
        "MaybeUninit" => quote!(Initialised),
        "Cell" | "RefCell" | "UnsafeCell" | "OnceCell" | "Mutex" | "RwLock" | "Condvar" | "Once"
        | "OnceLock" | "Barrier" => {
            quote!(BetweenProcesses)
        }
        "File" | "OwnedFd" | "BorrowedFd" | "Fd" | "TcpStream" | "UnixStream" | "Sender" | "Receiver"
        | "JoinHandle" | "Segment" | "Typed" | "Child" | "StopToken" => quote!(NoHandle),
        _ => quote!(MayLive),
    }
}
