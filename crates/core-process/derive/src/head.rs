//! The head of a type: a struct, without parameters, whose layout is fixed.
//!
//! Invariant: it refuses what no field can make right. It does not look at the fields.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DataEnum, DeriveInput, Error, Fields, GenericParam, Result};

/// The fields of a type that has a right head.
pub(crate) fn fields(input: &DeriveInput) -> Result<&Fields> {
    let name = &input.ident;
    let layout = Layout::of(&input.attrs)?;
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => return Err(refused_enum(input, data, &layout)),
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span(),
                format!(
                    "the union `{name}` cannot live in shared memory: which of its fields was written last is known to nobody who \
                     maps it; make a struct with a field for each"
                ),
            ));
        }
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(refused_parameter(name, parameter));
    }
    if let Some(span) = layout.packed {
        return Err(Error::new(
            span,
            format!(
                "`{name}` is packed: its fields may lie at odd addresses, where no reference may point and no atomic works; use \
                 `repr(C)` and order the fields by alignment, largest first"
            ),
        ));
    }
    if !layout.is_fixed {
        return Err(Error::new(
            name.span(),
            format!(
                "`{name}` needs `#[repr(C)]`: without it each compilation may order the fields as it likes, and two programs that \
                 share the memory would not agree where they are"
            ),
        ));
    }
    Ok(fields)
}

fn refused_enum(input: &DeriveInput, data: &DataEnum, layout: &Layout) -> Error {
    let name = &input.ident;
    let why = "another process may write any number there, and a value that is none of the variants is undefined behaviour as soon \
               as it is looked at";
    let has_data = data.variants.iter().find(|variant| !variant.fields.is_empty());
    if let Some(variant) = has_data {
        let variant_name = &variant.ident;
        return Error::new(
            variant.span(),
            format!(
                "the enum `{name}` cannot live in shared memory: {why}; make a struct of the variant's number and of the fields of \
                 all variants, `{variant_name}`'s among them"
            ),
        );
    }
    let number = layout.number.clone().unwrap_or_else(|| "u8".to_owned());
    let more = if layout.number.is_none() {
        format!(" (nor has `{name}` a fixed layout, without `#[repr({number})]`)")
    } else {
        String::new()
    };
    Error::new(
        data.enum_token.span(),
        format!(
            "the enum `{name}` cannot live in shared memory: {why}{more}; keep its number in the field, as `{number}`, and make the \
             enum of it by a `match`"
        ),
    )
}

fn refused_parameter(name: &syn::Ident, parameter: &GenericParam) -> Error {
    let why = match parameter {
        GenericParam::Lifetime(_) => {
            format!(
                "`{name}` has a lifetime: it borrows from this process's memory, which no other process sees; keep the value itself, \
                 or its index in an array that lives in the same shared memory"
            )
        }
        GenericParam::Type(_) | GenericParam::Const(_) => {
            format!(
                "`{name}` has a parameter: whether there is padding between its fields depends on it, and cannot be checked here; \
                 write a struct for each type that you need"
            )
        }
    };
    Error::new(parameter.span(), why)
}

/// What `#[repr(...)]` says.
struct Layout {
    /// `C` or `transparent`.
    is_fixed: bool,
    packed: Option<Span>,
    /// `u8`, `i32`: of an enum.
    number: Option<String>,
}

impl Layout {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut layout = Self {
            is_fixed: false,
            packed: None,
            number: None,
        };
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("repr"))
        {
            attribute.parse_nested_meta(|word| {
                if word.path.is_ident("C") || word.path.is_ident("transparent") {
                    layout.is_fixed = true;
                } else if word.path.is_ident("packed") {
                    layout.packed = Some(word.path.span());
                } else if let Some(number) = word.path.get_ident().filter(|word| *word != "align") {
                    layout.number = Some(number.to_string());
                }
                // `align(16)`, `packed(2)`: the number is the compiler's business.
                if word.input.peek(syn::token::Paren) {
                    let content;
                    syn::parenthesized!(content in word.input);
                    content.parse::<proc_macro2::TokenStream>()?;
                }
                Ok(())
            })?;
        }
        Ok(layout)
    }
}
