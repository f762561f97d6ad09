//! What the lowering asks of declared types besides names: all field types,
//! where a field stands, which struct stands at a line.

use rustc_hash::FxHashMap;

use super::{Index, Ty, TypeId};
use crate::hir;

impl Index {
    /// How many types there are.
    pub fn type_count(&self) -> usize {
        self.types.len()
    }

    /// The types of all statics, and whether each thread has its own.
    pub fn static_types(&self) -> impl Iterator<Item = (&Ty, bool)> {
        self.statics
            .iter()
            .map(|def| (&def.ty, def.is_thread_local))
    }

    /// The types of all fields, of all variants.
    pub fn field_types(&self, id: TypeId) -> Vec<Ty> {
        let Some(def) = self.types.get(id.index()) else {
            return Vec::new();
        };
        let own = Ty::Adt(id, super::Tys::default());
        let mut all = Vec::new();
        for (number, variant) in (0..).zip(&def.variants) {
            for field in &variant.fields {
                let ty = match def.kind {
                    super::TypeKind::Struct => self.field(&own, &field.name).map(|info| info.ty),
                    super::TypeKind::Enum => self.variant_field(id, number, &field.name),
                };
                all.extend(ty);
            }
        }
        all
    }

    /// The struct of the workspace, test code aside, that alone has a field of
    /// this name.
    pub fn only_owner(&self, field: &str) -> Option<TypeId> {
        let owners = self.owners.get_or_init(|| {
            let mut owners = FxHashMap::default();
            for (id, def) in (0..).map(TypeId).zip(&self.types) {
                for field in def.variants.iter().flat_map(|variant| &variant.fields) {
                    let one = !def.is_test && def.kind == super::TypeKind::Struct;
                    owners
                        .entry(field.name.clone())
                        .and_modify(|owner| *owner = None)
                        .or_insert(one.then_some(id));
                }
            }
            owners
        });
        owners.get(field).copied().flatten()
    }

    /// File and span of a field; those of variants read `Variant.0`.
    pub fn field_site(&self, id: TypeId, name: &str) -> Option<(u32, hir::Span)> {
        let def = self.types.get(id.index())?;
        let (variant, field) = name.split_once('.').unwrap_or((&def.name, name));
        let variant = def
            .variants
            .iter()
            .find(|v| v.name == variant)
            .or(def.variants.first())?;
        let field = variant.fields.iter().find(|f| f.name == field)?;
        Some((def.file, field.span))
    }

    /// The struct that encloses a line, or else the first one that starts
    /// within the ten lines after it.
    pub fn struct_at(&self, file: u32, line: u32) -> Option<TypeId> {
        let here = |def: &&super::TypeDef| def.file == file;
        let around = |span: hir::Span| span.line <= line && line <= span.end_line;
        let found = self
            .types
            .iter()
            .filter(here)
            .filter(|def| around(def.span) || (def.span.line > line && def.span.line <= line + 10))
            .min_by_key(|def| (!around(def.span), def.span.line))?;
        self.types
            .iter()
            .position(|def| std::ptr::eq(def, found))
            .map(|i| TypeId(i as u32))
    }
}
