//! The signature of a benchmark: what each parameter asks of the harness.

use crate::keys::{Choices, Keys};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, FnArg, GenericParam, Ident, ItemFn, Pat, PatType, Result, ReturnType,
    Safety, Signature, Type,
};

/// What one parameter asks for.
pub enum Param {
    /// `b: &mut Bencher`.
    Bencher,
    /// `#[axis(values)] name: ty`.
    Axis { name: String, ty: Type, values: Expr },
    /// `#[axis(values)] (a, b): (A, B)`.
    Zipped { names: Vec<String>, types: Vec<Type>, values: Expr },
    /// `gpu: Gpu`, or `gpu: &Gpu` by reference.
    Resource { ty: Type, by_reference: bool },
}

/// A generic parameter and the values it takes.
pub struct Generic {
    /// Name of the parameter and of its axis.
    pub name: String,
    /// Its values.
    pub choices: Choices,
}

/// What is known about a function that can be a benchmark.
pub struct Declaration {
    /// Parameters in order.
    pub params: Vec<Param>,
    /// Generic parameters in order.
    pub generics: Vec<Generic>,
    /// The return type where there is a `Bencher`; none for a function that is timed itself.
    pub returns: Option<Type>,
    /// The function gives a future.
    pub is_async: bool,
    /// The function gives a `Result`.
    pub is_fallible: bool,
}

impl Declaration {
    /// Reads `function`, whose generic parameters take their values from `keys`.
    pub fn read(function: &ItemFn, keys: &mut Keys) -> Result<Self> {
        let signature = &function.sig;
        refuse(signature)?;
        let params = signature.inputs.iter().map(param).collect::<Result<Vec<_>>>()?;
        let generics = generics(signature, keys)?;
        let returns = returns(signature, &params)?;
        let is_async = signature.asyncness.is_some();
        let is_fallible = match &signature.output {
            ReturnType::Type(_, ty) => is_called(ty, "Result"),
            ReturnType::Default => false,
        };
        let declaration = Self { params, generics, returns, is_async, is_fallible };
        declaration.check_names(signature)?;
        declaration.check_generic_use(signature)?;
        if declaration.returns.is_none() {
            check_plain(signature, &declaration.params)?;
        }
        Ok(declaration)
    }

    fn check_names(&self, signature: &Signature) -> Result<()> {
        let mut seen: Vec<&String> = self.generics.iter().map(|generic| &generic.name).collect();
        for (param, input) in self.params.iter().zip(&signature.inputs) {
            for name in param.axis_names() {
                if seen.contains(&name) {
                    let message = format!("two axes are called `{name}`");
                    return Err(Error::new_spanned(input, message));
                }
                seen.push(name);
            }
        }
        Ok(())
    }

    /// Axes, resources and metrics are known without running, so they are the same for every
    /// value of a generic parameter.
    fn check_generic_use(&self, signature: &Signature) -> Result<()> {
        let inputs = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(&*typed.ty),
            FnArg::Receiver(_) => None,
        });
        for ty in inputs.chain(&self.returns) {
            for generic in &self.generics {
                let name = &generic.name;
                if mentions(ty.to_token_stream(), name) {
                    let message = format!(
                        "the type of a parameter or metric cannot depend on `{name}`: use `{name}` inside the body"
                    );
                    return Err(Error::new_spanned(ty, message));
                }
            }
        }
        Ok(())
    }
}

impl Param {
    /// The axes it declares.
    pub fn axis_names(&self) -> &[String] {
        match self {
            Self::Axis { name, .. } => std::slice::from_ref(name),
            Self::Zipped { names, .. } => names,
            Self::Bencher | Self::Resource { .. } => &[],
        }
    }

    /// The type of each of them.
    pub fn axis_types(&self) -> &[Type] {
        match self {
            Self::Axis { ty, .. } => std::slice::from_ref(ty),
            Self::Zipped { types, .. } => types,
            Self::Bencher | Self::Resource { .. } => &[],
        }
    }
}

/// What no benchmark can be.
fn refuse(signature: &Signature) -> Result<()> {
    let error =
        |tokens: &dyn ToTokens, message| Err(Error::new_spanned(tokens.to_token_stream(), message));
    if let Some(receiver) = signature.receiver() {
        return error(
            receiver,
            "a benchmark is a free function: take what it needs as a resource instead of `self`",
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        return error(token, "a benchmark is a safe function: put an `unsafe` block into its body");
    }
    if let Some(abi) = &signature.abi {
        return error(abi, "a benchmark is a Rust function: call the foreign function in its body");
    }
    if let Some(variadic) = &signature.variadic {
        return error(variadic, "a benchmark has a fixed list of parameters");
    }
    if let Some(clause) = &signature.generics.where_clause {
        return error(
            clause,
            "a benchmark has no `where` clause: write the bound at the parameter, `<T: Bound>`",
        );
    }
    for generic in &signature.generics.params {
        if let GenericParam::Lifetime(lifetime) = generic {
            return error(
                lifetime,
                "a benchmark has no lifetime parameters: leave the lifetime out",
            );
        }
    }
    Ok(())
}

fn param(input: &FnArg) -> Result<Param> {
    let FnArg::Typed(typed) = input else {
        return Err(Error::new_spanned(input, "a benchmark is a free function"));
    };
    if let Type::ImplTrait(ty) = plain(&typed.ty) {
        return Err(Error::new_spanned(ty, "name the type: the harness makes the value"));
    }
    let mut axes = typed.attrs.iter().filter(|attribute| is_axis(attribute));
    match (axes.next(), axes.next()) {
        (None, _) => bencher_or_resource(typed),
        (Some(attribute), None) => axis(attribute, typed),
        (_, Some(second)) => Err(Error::new_spanned(second, "a parameter has one `#[axis(..)]`")),
    }
}

/// True for the attribute that the macro takes off a parameter.
pub fn is_axis(attribute: &Attribute) -> bool {
    attribute.path().is_ident("axis")
}

fn bencher_or_resource(typed: &PatType) -> Result<Param> {
    let error = |message: &str| Err(Error::new_spanned(&typed.ty, message));
    match plain(&typed.ty) {
        Type::Reference(reference) => match (is_bencher(&reference.elem), reference.mutability) {
            (true, Some(_)) => Ok(Param::Bencher),
            (true, None) => error("take the bencher as `b: &mut Bencher`"),
            (false, None) => {
                Ok(Param::Resource { ty: (*reference.elem).clone(), by_reference: true })
            }
            (false, Some(_)) => error(
                "only `&mut Bencher` is taken by mutable reference: take a resource as `T` or `&T`",
            ),
        },
        ty if is_bencher(ty) => error("take the bencher as `b: &mut Bencher`"),
        ty => Ok(Param::Resource { ty: ty.clone(), by_reference: false }),
    }
}

fn is_bencher(ty: &Type) -> bool {
    is_called(ty, "Bencher")
}

/// Macros see names, not types: an alias of another name is not found.
fn is_called(ty: &Type, name: &str) -> bool {
    match plain(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    }
}

/// The type without parentheses and without the group that a `macro_rules` fragment brings.
fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => plain(&inner.elem),
        Type::Group(inner) => plain(&inner.elem),
        ty => ty,
    }
}

fn axis(attribute: &Attribute, typed: &PatType) -> Result<Param> {
    let example = "an axis is one expression that gives its values: `#[axis([1, 2, 4])]`";
    let values: Expr =
        attribute.parse_args().map_err(|_| Error::new_spanned(attribute, example))?;
    let declared = plain(&typed.ty);
    if let Type::Reference(ty) = declared {
        return Err(Error::new_spanned(
            ty,
            "take an axis value by value, such as `String` for a text",
        ));
    }
    match (&*typed.pat, declared) {
        (Pat::Tuple(names), Type::Tuple(types)) if names.elems.len() == types.elems.len() => {
            Ok(Param::Zipped {
                names: names.elems.iter().map(axis_name).collect::<Result<_>>()?,
                types: types.elems.iter().cloned().collect(),
                values,
            })
        }
        (Pat::Tuple(_), ty) => {
            Err(Error::new_spanned(ty, "write one type per axis in lock-step: `(a, b): (A, B)`"))
        }
        (name, ty) => Ok(Param::Axis { name: axis_name(name)?, ty: ty.clone(), values }),
    }
}

fn axis_name(pat: &Pat) -> Result<String> {
    let name = match pat {
        Pat::Ident(pat) => pat.ident.unraw().to_string(),
        _ => String::new(),
    };
    match name.trim_start_matches('_') {
        "" => Err(Error::new_spanned(pat, "the argument names the axis: write a name here")),
        name => Ok(name.to_owned()),
    }
}

fn generics(signature: &Signature, keys: &mut Keys) -> Result<Vec<Generic>> {
    let mut generics = Vec::new();
    for param in &signature.generics.params {
        let (ident, key, slot) = match param {
            GenericParam::Type(param) => (&param.ident, "types = [f32, f64]", &mut keys.types),
            GenericParam::Const(param) => (&param.ident, "consts = [4, 8]", &mut keys.consts),
            GenericParam::Lifetime(_) => continue,
        };
        let choices = slot.take().ok_or_else(|| missing_choices(ident, key))?;
        generics.push(Generic { name: ident.unraw().to_string(), choices });
    }
    let unused = keys.types.take().or(keys.consts.take());
    match unused {
        None => Ok(generics),
        Some(choices) => Err(unused_choices(&choices.key, &signature.ident)),
    }
}

fn missing_choices(param: &Ident, key: &str) -> Error {
    let message = format!(
        "say which values `{param}` takes: `#[vbench(.., {key})]` (one type and one const parameter at most)"
    );
    Error::new(param.span(), message)
}

fn unused_choices(key: &Ident, function: &Ident) -> Error {
    let param = if key == "types" { "<T>" } else { "<const N: usize>" };
    let message = format!(
        "`{key}` is for a generic function: write `fn {function}{param}(..)` or remove the key"
    );
    Error::new(key.span(), message)
}

/// The return type of a function with a `Bencher`.
fn returns(signature: &Signature, params: &[Param]) -> Result<Option<Type>> {
    let mut benchers =
        params.iter().zip(&signature.inputs).filter(|(param, _)| matches!(param, Param::Bencher));
    if benchers.next().is_none() {
        return Ok(None);
    }
    if let Some((_, second)) = benchers.next() {
        return Err(Error::new_spanned(second, "a benchmark has one `Bencher`"));
    }
    if let Some(token) = &signature.asyncness {
        let message = "an async benchmark has no `Bencher`: remove the parameter to time the whole \
                       function, or remove `async` and drive the future inside `b.iter(..)`";
        return Err(Error::new_spanned(token, message));
    }
    match &signature.output {
        ReturnType::Type(_, ty) if !is_unit(ty) => Ok(Some((**ty).clone())),
        output => {
            let span = match output {
                ReturnType::Default => signature.ident.span(),
                ReturnType::Type(..) => output.span(),
            };
            Err(Error::new(span, NO_RETURN))
        }
    }
}

const NO_RETURN: &str = "a benchmark with a `Bencher` returns its samples: write \
                         `-> Samples<Seconds>` and end the body with `b.iter(..)`, without a semicolon";

fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// A function that is timed itself is called many times, so it can only borrow a resource.
fn check_plain(signature: &Signature, params: &[Param]) -> Result<()> {
    for (param, input) in params.iter().zip(&signature.inputs) {
        if let (Param::Resource { ty, by_reference: false }, FnArg::Typed(typed)) = (param, input) {
            let text = ty.to_token_stream().to_string().replace(' ', "");
            let message = format!(
                "this function is called many times, so it borrows its resources: take `&{text}`"
            );
            return Err(Error::new_spanned(&typed.ty, message));
        }
    }
    Ok(())
}

fn mentions(tokens: TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Ident(ident) => ident.unraw() == name,
        _ => false,
    })
}

/// The first sentence of the doc comment, or nothing.
pub fn about(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let pair = attribute.meta.require_name_value().ok()?;
        match &pair.value {
            Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })
                if pair.path.is_ident("doc") =>
            {
                Some(text.value())
            }
            _ => None,
        }
    });
    let text: Vec<String> =
        lines.flat_map(|line| line.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let paragraph: Vec<&str> = text
        .iter()
        .map(|line| line.trim())
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    first_sentence(&paragraph.join(" ")).to_owned()
}

/// Up to a full stop that a new sentence follows: `e.g. this` is not an end.
fn first_sentence(text: &str) -> &str {
    let end = text
        .match_indices(". ")
        .find(|(at, _)| text[at + 2..].trim_start().starts_with(|next: char| !next.is_lowercase()));
    end.map_or(text, |(at, _)| &text[..=at])
}

#[cfg(test)]
mod tests {
    use super::about;
    use syn::{ItemFn, parse_quote};

    #[test]
    fn the_first_sentence_says_what_it_is() {
        let item: ItemFn = parse_quote! {
            ///
            /// Copies memory, e.g. pages of 2.5 MiB,
            /// between nodes. Needs two nodes.
            ///
            /// Details.
            #[inline]
            fn f() {}
        };
        assert_eq!(about(&item.attrs), "Copies memory, e.g. pages of 2.5 MiB, between nodes.");
        let item: ItemFn = parse_quote! {
            #[doc = include_str!("x.md")]
            fn f() {}
        };
        assert_eq!(about(&item.attrs), "");
    }
}
