//! Reading the payload. Nothing in it is trusted: each number is checked against what it counts.

use super::super::build::top_row;
use super::super::index::Index;
use super::super::{ObjectRow, ParameterRow, ProfileRow, Schema, UniqueKeyRow};
use super::FormatError;
use crate::draft::ObjectRequirement;
use crate::limits::{OBJECTS_MAX, PARAMETERS_MAX, PROFILES_MAX, REQUIREMENTS_MAX};
use crate::pattern::Pattern;
use crate::syntax::{
    Access, ActiveNotify, DefaultType, DefaultValue, Enumeration, EnumerationRefFacet,
    InstanceRefFacet, List, NestedBrackets, PathRefFacet, Range, Scope, Size, Status, Strength,
    Syntax, TargetType,
};
use crate::version::{ModelName, Version};
use drover_cwmp::ValueType;

type Read<T> = Result<T, FormatError>;

const DAMAGED_NUMBER: FormatError = FormatError::Damaged("a number is out of range");

struct Reader<'p> {
    rest: &'p [u8],
    texts: Vec<&'p str>,
}

pub(super) fn read(payload: &[u8]) -> Read<Schema> {
    let mut reader = Reader { rest: payload, texts: Vec::new() };
    reader.read_texts()?;
    let schema = reader.schema()?;
    if reader.rest.is_empty() { Ok(schema) } else { Err(FormatError::Damaged("it goes on")) }
}

impl<'p> Reader<'p> {
    fn read_texts(&mut self) -> Read<()> {
        let count = self.count()?;
        self.texts = Vec::with_capacity(count);
        for _ in 0..count {
            let length = self.count()?;
            let (text, rest) = self.rest.split_at_checked(length).ok_or(DAMAGED_NUMBER)?;
            let text =
                std::str::from_utf8(text).map_err(|_| FormatError::Damaged("a text is broken"))?;
            self.texts.push(text);
            self.rest = rest;
        }
        Ok(())
    }

    fn schema(&mut self) -> Read<Schema> {
        let name = ModelName { name: self.text()?, version: self.version()? };
        let spec = self.text()?;
        let [is_service, ..] = self.flags()?;
        let count = self.count()?;
        let syntaxes: Vec<Syntax> = self.many(count, Self::syntax)?;
        let mut schema = Schema {
            name,
            spec,
            is_service,
            objects: Vec::new(),
            parameters: Vec::new(),
            syntaxes,
            profiles: Vec::new(),
            index: Index::default(),
            shows_deleted: false,
        };
        self.objects(&mut schema)?;
        self.links(&mut schema)?;
        self.profiles(&mut schema)?;
        schema.index = Index::of(&schema);
        Ok(schema)
    }

    fn objects(&mut self, schema: &mut Schema) -> Read<()> {
        let count = self.count_up_to(OBJECTS_MAX.saturating_add(1))?;
        if count == 0 {
            return Err(FormatError::Damaged("it has no objects"));
        }
        schema.objects = Vec::with_capacity(count);
        for id in 0..count {
            let mut row = self.object(id)?;
            let parent = usize::try_from(row.parent).map_err(|_| DAMAGED_NUMBER)?;
            if let Some(parent) = schema.objects.get_mut(parent) {
                row.is_deleted |= parent.is_deleted;
                parent.children.push(number32(id)?);
            }
            let start = number32(schema.parameters.len())?;
            for _ in 0..self.count_up_to(PARAMETERS_MAX)? {
                if schema.parameters.len() >= PARAMETERS_MAX {
                    return Err(DAMAGED_NUMBER);
                }
                let parameter = self.parameter(number32(id)?, row.version)?;
                if usize::try_from(parameter.syntax).map_or(true, |it| it >= schema.syntaxes.len())
                {
                    return Err(DAMAGED_NUMBER);
                }
                schema.parameters.push(parameter);
            }
            row.parameters = start..number32(schema.parameters.len())?;
            schema.objects.push(row);
        }
        Ok(())
    }

    fn object(&mut self, id: usize) -> Read<ObjectRow> {
        let distance = self.count()?;
        // Only the top is its own parent.
        if (distance == 0) != (id == 0) {
            return Err(DAMAGED_NUMBER);
        }
        let parent = number32(id.checked_sub(distance).ok_or(DAMAGED_NUMBER)?)?;
        let name = self.text()?;
        let [is_table, mount_point, has_max, ..] = self.flags()?;
        let access = self.access()?;
        let status = self.status()?;
        let entries_min = self.number32()?;
        let entries_max = if has_max { Some(self.number32()?) } else { None };
        let version = self.version()?;
        let count = self.count()?;
        let unique_keys = self.many(count, Self::unique_key)?;
        Ok(ObjectRow {
            name,
            parent,
            is_table,
            access,
            entries_min,
            entries_max,
            mount_point,
            version,
            status,
            is_deleted: status == Status::Deleted,
            unique_keys,
            description: self.option()?,
            ..top_row()
        })
    }

    fn unique_key(&mut self) -> Read<UniqueKeyRow> {
        let [functional, ..] = self.flags()?;
        let count = self.count()?;
        Ok(UniqueKeyRow { functional, parameters: self.many(count, Self::text)? })
    }

    fn parameter(&mut self, object: u32, inherited: Version) -> Read<ParameterRow> {
        let name = self.text()?;
        let syntax = self.number32()?;
        let [forced_inform, has_default, same_version, ..] = self.flags()?;
        let bits = self.byte()?;
        let version = if same_version { inherited } else { self.version()? };
        let default = if has_default { Some(self.default()?) } else { None };
        Ok(ParameterRow {
            name,
            object,
            access: access_of(bits & 3)?,
            version,
            status: status_of((bits >> 2) & 3)?,
            active_notify: active_notify_of(bits >> 4)?,
            forced_inform,
            syntax,
            default,
            description: self.option()?,
        })
    }

    fn default(&mut self) -> Read<DefaultValue> {
        let default_type = match self.byte()? {
            0 => DefaultType::Factory,
            1 => DefaultType::Object,
            2 => DefaultType::Implementation,
            _ => return Err(DAMAGED_NUMBER),
        };
        Ok(DefaultValue { default_type, value: self.text()? })
    }

    fn links(&mut self, schema: &mut Schema) -> Read<()> {
        let parameters = number32(schema.parameters.len())?;
        for row in &mut schema.objects {
            for link in [&mut row.num_entries, &mut row.enable, &mut row.discriminator] {
                *link = match self.number32()? {
                    0 => None,
                    id if id <= parameters => id.checked_sub(1),
                    _ => return Err(DAMAGED_NUMBER),
                };
            }
        }
        Ok(())
    }

    fn syntax(&mut self) -> Read<Syntax> {
        let value_type = self.byte()?;
        let value_type = ValueType::ALL.into_iter().find(|it| *it as u8 == value_type);
        let type_name = self.option()?;
        let [hidden, secured, command, list, path_ref, instance_ref, enumeration_ref, _] =
            self.flags()?;
        Ok(Syntax {
            value_type: value_type.ok_or(DAMAGED_NUMBER)?,
            type_name,
            hidden,
            secured,
            command,
            list: self.when(list, Self::list)?,
            sizes: self.sizes()?,
            ranges: self.counted(Self::range)?,
            patterns: self.counted(Self::pattern)?,
            enumerations: self.counted(Self::enumeration)?,
            path_ref: self.when(path_ref, Self::path_ref)?,
            instance_ref: self.when(instance_ref, Self::instance_ref)?,
            enumeration_ref: self.when(enumeration_ref, Self::enumeration_ref)?,
            units: self.option()?,
        })
    }

    fn list(&mut self) -> Read<List> {
        Ok(List {
            items_min: self.number32()?,
            items_max: self.number32()?.checked_sub(1),
            nested_brackets: match self.byte()? {
                0 => NestedBrackets::Legacy,
                1 => NestedBrackets::Permitted,
                2 => NestedBrackets::Required,
                _ => return Err(DAMAGED_NUMBER),
            },
            sizes: self.sizes()?,
        })
    }

    fn sizes(&mut self) -> Read<Vec<Size>> {
        self.counted(|reader| {
            let min = reader.number()?;
            let [has_max, ..] = reader.flags()?;
            Ok(Size { min, max: reader.when(has_max, Self::number)? })
        })
    }

    fn range(&mut self) -> Read<Range> {
        let [optional, ..] = self.flags()?;
        Ok(Range { min: self.option()?, max: self.option()?, step: self.option()?, optional })
    }

    fn pattern(&mut self) -> Read<Pattern> {
        let value = self.text()?;
        let [read_only, has_version, ..] = self.flags()?;
        Ok(Pattern {
            value,
            read_only,
            status: self.status()?,
            version: self.when(has_version, Self::version)?,
            description: self.option()?,
            ..Pattern::default()
        })
    }

    fn enumeration(&mut self) -> Read<Enumeration> {
        let value = self.text()?;
        let [read_only, optional, has_version, has_code, ..] = self.flags()?;
        Ok(Enumeration {
            value,
            read_only,
            optional,
            status: self.status()?,
            version: self.when(has_version, Self::version)?,
            code: self.when(has_code, Self::signed)?,
            description: self.option()?,
        })
    }

    fn path_ref(&mut self) -> Read<PathRefFacet> {
        let strength = self.strength()?;
        let scope = self.scope()?;
        let target_type = match self.byte()? {
            0 => TargetType::Any,
            1 => TargetType::Parameter,
            2 => TargetType::Object,
            3 => TargetType::Single,
            4 => TargetType::Table,
            5 => TargetType::Row,
            _ => return Err(DAMAGED_NUMBER),
        };
        let target_parents = self.counted(Self::text)?;
        let target_data_type = self.option()?;
        Ok(PathRefFacet { strength, target_parents, scope, target_type, target_data_type })
    }

    fn instance_ref(&mut self) -> Read<InstanceRefFacet> {
        let strength = self.strength()?;
        let scope = self.scope()?;
        Ok(InstanceRefFacet { strength, target_parent: self.text()?, scope })
    }

    fn enumeration_ref(&mut self) -> Read<EnumerationRefFacet> {
        let scope = self.scope()?;
        let target_parameter = self.text()?;
        Ok(EnumerationRefFacet { target_parameter, scope, null_value: self.option()? })
    }

    fn profiles(&mut self, schema: &mut Schema) -> Read<()> {
        let count = self.count_up_to(PROFILES_MAX)?;
        let (objects, parameters) = (schema.objects.len(), schema.parameters.len());
        let mut requirements = 0_usize;
        for _ in 0..count {
            let row = self.profile(objects, parameters)?;
            requirements = requirements.saturating_add(row.objects.len());
            requirements = requirements.saturating_add(row.parameters.len());
            if requirements > REQUIREMENTS_MAX {
                return Err(DAMAGED_NUMBER);
            }
            schema.profiles.push(row);
        }
        Ok(())
    }

    fn profile(&mut self, objects: usize, parameters: usize) -> Read<ProfileRow> {
        let name = self.text()?;
        let base = self.option()?;
        let extends = self.counted(Self::text)?;
        let version = self.version()?;
        let status = self.status()?;
        let mut last = 0;
        let objects = self.counted(|reader| {
            let id = reader.step(&mut last, objects)?;
            let requirement = reader.byte()?;
            let requirement =
                ObjectRequirement::ALL.into_iter().find(|it| *it as u8 == requirement);
            Ok((id, requirement.ok_or(DAMAGED_NUMBER)?))
        })?;
        let mut last = 0;
        let parameters = self.counted(|reader| {
            let id = reader.step(&mut last, parameters)?;
            Ok((id, reader.access()?))
        })?;
        let description = self.option()?;
        Ok(ProfileRow { name, base, extends, version, status, objects, parameters, description })
    }

    /// A number given by its distance from the last one.
    fn step(&mut self, last: &mut i64, limit: usize) -> Read<u32> {
        *last = last.checked_add(self.signed()?).ok_or(DAMAGED_NUMBER)?;
        let id = usize::try_from(*last).ok().filter(|id| *id < limit).ok_or(DAMAGED_NUMBER)?;
        number32(id)
    }

    fn strength(&mut self) -> Read<Strength> {
        match self.byte()? {
            0 => Ok(Strength::Weak),
            1 => Ok(Strength::Strong),
            _ => Err(DAMAGED_NUMBER),
        }
    }

    fn scope(&mut self) -> Read<Scope> {
        match self.byte()? {
            0 => Ok(Scope::Normal),
            1 => Ok(Scope::Model),
            2 => Ok(Scope::Object),
            _ => Err(DAMAGED_NUMBER),
        }
    }

    fn access(&mut self) -> Read<Access> {
        access_of(self.byte()?)
    }

    fn status(&mut self) -> Read<Status> {
        status_of(self.byte()?)
    }

    fn version(&mut self) -> Read<Version> {
        let mut part = || u16::try_from(self.number()?).map_err(|_| DAMAGED_NUMBER);
        Ok(Version { major: part()?, minor: part()?, patch: part()? })
    }

    fn text(&mut self) -> Read<Box<str>> {
        let number = self.number()?;
        let text = usize::try_from(number).ok().and_then(|it| self.texts.get(it));
        text.map(|text| (*text).into()).ok_or(DAMAGED_NUMBER)
    }

    fn option(&mut self) -> Read<Option<Box<str>>> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.text().map(Some),
            _ => Err(DAMAGED_NUMBER),
        }
    }

    fn when<T>(
        &mut self,
        is_there: bool,
        read: impl FnOnce(&mut Self) -> Read<T>,
    ) -> Read<Option<T>> {
        if is_there { read(self).map(Some) } else { Ok(None) }
    }

    fn counted<T>(&mut self, read: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.count()?;
        self.many(count, read)
    }

    fn many<T>(
        &mut self,
        count: usize,
        mut read: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<Vec<T>> {
        let mut items = Vec::with_capacity(count.min(1_024));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    fn flags(&mut self) -> Read<[bool; 8]> {
        let bits = self.byte()?;
        let mut flags = [false; 8];
        for (place, flag) in flags.iter_mut().enumerate() {
            *flag = (bits >> place) & 1 == 1;
        }
        Ok(flags)
    }

    /// How many of something follow. Each takes a byte at least, which bounds the number.
    fn count(&mut self) -> Read<usize> {
        self.count_up_to(usize::MAX)
    }

    fn count_up_to(&mut self, limit: usize) -> Read<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| DAMAGED_NUMBER)?;
        if count > limit || count > self.rest.len() { Err(DAMAGED_NUMBER) } else { Ok(count) }
    }

    fn number32(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| DAMAGED_NUMBER)
    }

    fn signed(&mut self) -> Read<i64> {
        let number = self.number()?;
        let magnitude = i64::try_from(number >> 1).map_err(|_| DAMAGED_NUMBER)?;
        Ok(if number & 1 == 1 { !magnitude } else { magnitude })
    }

    fn number(&mut self) -> Read<u64> {
        let mut number = 0_u64;
        for shift in (0..64_u32).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            let shifted = bits.checked_shl(shift).ok_or(DAMAGED_NUMBER)?;
            if shifted >> shift != bits {
                return Err(DAMAGED_NUMBER);
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DAMAGED_NUMBER)
    }

    fn byte(&mut self) -> Read<u8> {
        let (byte, rest) = self.rest.split_first().ok_or(FormatError::Damaged("it is cut off"))?;
        self.rest = rest;
        Ok(*byte)
    }
}

fn number32(number: usize) -> Read<u32> {
    u32::try_from(number).map_err(|_| DAMAGED_NUMBER)
}

fn access_of(number: u8) -> Read<Access> {
    match number {
        0 => Ok(Access::ReadOnly),
        1 => Ok(Access::ReadWrite),
        2 => Ok(Access::WriteOnceReadOnly),
        _ => Err(DAMAGED_NUMBER),
    }
}

fn status_of(number: u8) -> Read<Status> {
    match number {
        0 => Ok(Status::Current),
        1 => Ok(Status::Deprecated),
        2 => Ok(Status::Obsoleted),
        3 => Ok(Status::Deleted),
        _ => Err(DAMAGED_NUMBER),
    }
}

fn active_notify_of(number: u8) -> Read<ActiveNotify> {
    match number {
        0 => Ok(ActiveNotify::Normal),
        1 => Ok(ActiveNotify::ForceEnabled),
        2 => Ok(ActiveNotify::ForceDefaultEnabled),
        3 => Ok(ActiveNotify::CanDeny),
        _ => Err(DAMAGED_NUMBER),
    }
}
