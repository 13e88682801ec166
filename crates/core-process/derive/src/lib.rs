//! `#[derive(Shared)]`: may this type live in memory that several processes map?
//!
//! Invariant: what it accepts satisfies the contract of `core_process::shm::Shared`; what it refuses is told, at the field that is
//! wrong, what is wrong, why, and what to do instead. It sees the text of one type alone: what the types of the fields are is checked by
//! the code that it writes, in `fields.rs`.
#![allow(unsafe_code, reason = "writes the unsafe impl that it has checked")]

mod fields;
mod head;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Result, parse_macro_input};

/// Implements `core_process::shm::Shared`, whose documentation says what is asked, or refuses.
#[proc_macro_derive(Shared)]
pub fn shared(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    implementation(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn implementation(input: &DeriveInput) -> Result<TokenStream> {
    let fields = head::fields(input)?;
    let checks = fields::checks(input, fields)?;
    let (name, text) = (&input.ident, input.ident.to_string());
    let parts = fields::named(fields).map(|(member, field)| {
        let (fingerprint, text) = (fields::fingerprint(&field.ty), quote!(#member).to_string());
        quote! {
            .field(#text, ::core::mem::offset_of!(#name, #member), #fingerprint)
        }
    });
    Ok(quote! {
        // SAFETY: `repr(C)` without parameters, as this derive has read; and it compiles only if all fields are `Shared`, not a byte lies
        // between them or after them, and nothing is to be dropped.
        #[automatically_derived]
        unsafe impl ::core_process::shm::Shared for #name {
            const FINGERPRINT: ::core_process::shm::Fingerprint = {
                #checks
                ::core_process::shm::Fingerprint::named(#text) #(#parts)*
            };
        }
        // The checks are made here, not where the type is first used.
        const _: ::core_process::shm::Fingerprint = <#name as ::core_process::shm::Shared>::FINGERPRINT;
    })
}
