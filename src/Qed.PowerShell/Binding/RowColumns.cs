using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Reflection;

namespace Qed.PowerShell.Binding;

/// <summary>
/// The parameters of a cmdlet that the columns of a table can give for each row. PowerShell binds them; this sees to it
/// that only tables are read so, and that no column is passed over in silence.
/// </summary>
internal sealed class RowColumns
{
    private static readonly ConcurrentDictionary<Type, RowColumns> Known = new();

    private readonly (PropertyInfo Property, string[] Names)[] _columns;

    private RowColumns(Type cmdlet) => _columns = cmdlet.GetProperties()
        .Where(property => property.IsDefined(typeof(BlankIsAbsentAttribute))
            && property.GetCustomAttributes<ParameterAttribute>().Any(parameter => parameter.ValueFromPipelineByPropertyName))
        .Select(property => (property, property.GetCustomAttributes<AliasAttribute>().SelectMany(alias => alias.AliasNames).Prepend(property.Name).ToArray()))
        .ToArray();

    internal static RowColumns Of(Type cmdlet) => Known.GetOrAdd(cmdlet, type => new RowColumns(type));

    /// <summary>Takes back what PowerShell has bound of an object that is no row.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="input">What came down the pipeline.</param>
    /// <param name="given">The parameters that were given to the command itself, which no object changes.</param>
    /// <returns>Whether it has a column that is a parameter.</returns>
    /// <exception cref="PSInvalidCastException">A column holds what its parameter does not take.</exception>
    internal bool Review(object cmdlet, PSObject input, ICollection<string> given)
    {
        KnownObject? kind = KnownObject.Of(input);
        bool isRow = false;
        foreach ((PropertyInfo property, string[] names) in _columns)
        {
            if (given.Contains(property.Name) || names.Select(name => input.Properties[name]).FirstOrDefault(found => found is not null) is not { } column)
                continue;
            if (kind is not null && kind.HasMember(column.Name))
            {
                property.SetValue(cmdlet, null);
                continue;
            }

            isRow = true;
            if (property.GetValue(cmdlet) is null && !BlankIsAbsentAttribute.IsBlank(column.Value))
                throw NotTaken(column, property);
        }

        return isRow;
    }

    /// <summary>PowerShell leaves out a column that it cannot convert, and would go on without it.</summary>
    private static PSInvalidCastException NotTaken(PSPropertyInfo column, PropertyInfo parameter)
    {
        Type type = Nullable.GetUnderlyingType(parameter.PropertyType) ?? parameter.PropertyType;
        string wanted = type.IsEnum ? "one of " + string.Join(", ", Enum.GetNames(type)) : "a number";
        return new PSInvalidCastException($"The column {column.Name} holds '{column.Value}', and -{parameter.Name} is {wanted}.");
    }
}
