using System;
using System.Collections.Generic;
using System.Text;

namespace Qed.Tool.CommandLine;

/// <summary>The value of <c>-o</c>: name=value pairs between commas; two commas stand for one that is part of a value.</summary>
internal static class OptionList
{
    /// <summary>Whether a list asks what options there are.</summary>
    internal static bool AsksForHelp(IEnumerable<string> lists)
    {
        foreach (string list in lists)
        {
            foreach ((string name, string? value) in Parse(list))
            {
                if (value is null && name is "help" or "?")
                    return true;
            }
        }

        return false;
    }

    /// <summary>Takes a list apart.</summary>
    /// <returns>Names and values in order; a value is null where only a name stands.</returns>
    internal static IEnumerable<(string Name, string? Value)> Parse(string list)
    {
        if (list.Length == 0 || list[0] == ',')
            throw new UsageException($"Invalid option list: {list}");
        foreach (string item in Split(list))
        {
            int equals = item.IndexOf('=', StringComparison.Ordinal);
            yield return equals < 0 ? (item, null) : (item[..equals], item[(equals + 1)..]);
        }
    }

    private static IEnumerable<string> Split(string list)
    {
        var item = new StringBuilder();
        for (int i = 0; i < list.Length; i++)
        {
            if (list[i] != ',')
            {
                item.Append(list[i]);
            }
            else if (i + 1 < list.Length && list[i + 1] == ',')
            {
                item.Append(',');
                i++;
            }
            else
            {
                yield return item.ToString();
                item.Clear();
            }
        }

        if (item.Length > 0)
            yield return item.ToString();
    }
}
