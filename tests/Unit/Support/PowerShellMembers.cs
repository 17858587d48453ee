using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Reflection.Metadata;

namespace Qed.Tests.Support;

/// <summary>Types, methods and fields by names that are the same where they are defined and where they are used.</summary>
internal static class PowerShellMembers
{
    /// <summary>All that an assembly defines; what a type inherits within the assembly is its as well.</summary>
    internal static HashSet<string> Of(MetadataReader reader)
    {
        var all = new HashSet<string>();
        foreach (TypeDefinitionHandle handle in reader.TypeDefinitions)
        {
            string name = Names.Of(reader, handle);
            all.Add(name);
            for (EntityHandle at = handle; !at.IsNil && at.Kind == HandleKind.TypeDefinition;)
            {
                TypeDefinition type = reader.GetTypeDefinition((TypeDefinitionHandle)at);
                foreach (MethodDefinition method in type.GetMethods().Select(reader.GetMethodDefinition))
                    all.Add(Text(name, reader.GetString(method.Name), method.DecodeSignature(Names.Provider, null)));
                foreach (FieldDefinition field in type.GetFields().Select(reader.GetFieldDefinition))
                    all.Add($"{name}.{reader.GetString(field.Name)}");
                at = type.BaseType;
            }
        }

        return all;
    }

    /// <summary>What an assembly uses of another one.</summary>
    internal static IEnumerable<string> UsedBy(MetadataReader reader, string assembly)
    {
        foreach (TypeReferenceHandle handle in reader.TypeReferences)
        {
            if (IsFrom(reader, handle, assembly))
                yield return Names.Of(reader, handle);
        }

        foreach (MemberReference member in reader.MemberReferences.Select(reader.GetMemberReference))
        {
            if (member.Parent.Kind != HandleKind.TypeReference || !IsFrom(reader, (TypeReferenceHandle)member.Parent, assembly))
                continue;
            string type = Names.Of(reader, (TypeReferenceHandle)member.Parent);
            string name = reader.GetString(member.Name);
            yield return member.GetKind() == MemberReferenceKind.Field ? $"{type}.{name}" : Text(type, name, member.DecodeMethodSignature(Names.Provider, null));
        }
    }

    private static bool IsFrom(MetadataReader reader, TypeReferenceHandle handle, string assembly)
    {
        EntityHandle scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => IsFrom(reader, (TypeReferenceHandle)scope, assembly),
            HandleKind.AssemblyReference => reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name) == assembly,
            _ => false,
        };
    }

    private static string Text(string type, string name, MethodSignature<string> signature) => $"{type}.{name}({string.Join(", ", signature.ParameterTypes)})";

    /// <summary>Writes types as names: those of the language without their namespace, as metadata has them.</summary>
    private sealed class Names : ISignatureTypeProvider<string, object?>
    {
        internal static readonly Names Provider = new();

        internal static string Of(MetadataReader reader, TypeDefinitionHandle handle)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            string name = reader.GetString(type.Name);
            return type.GetDeclaringType() is { IsNil: false } outer ? $"{Of(reader, outer)}/{name}" : $"{reader.GetString(type.Namespace)}.{name}";
        }

        internal static string Of(MetadataReader reader, TypeReferenceHandle handle)
        {
            TypeReference type = reader.GetTypeReference(handle);
            string name = reader.GetString(type.Name);
            return type.ResolutionScope.Kind == HandleKind.TypeReference
                ? $"{Of(reader, (TypeReferenceHandle)type.ResolutionScope)}/{name}"
                : $"{reader.GetString(type.Namespace)}.{name}";
        }

        public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[,]";

        public string GetByReferenceType(string elementType) => elementType + "&";

        public string GetFunctionPointerType(MethodSignature<string> signature) => "*()";

        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) => $"{genericType}<{string.Join(", ", typeArguments)}>";

        public string GetGenericMethodParameter(object? genericContext, int index) => $"!!{index}";

        public string GetGenericTypeParameter(object? genericContext, int index) => $"!{index}";

        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

        public string GetPinnedType(string elementType) => elementType;

        public string GetPointerType(string elementType) => elementType + "*";

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => Of(reader, handle);

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => Of(reader, handle);

        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind)
            => reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);
    }
}
