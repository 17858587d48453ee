using System.Globalization;

namespace Qed.Tool.CommandLine;

/// <summary>Sizes of operands and options, and what is said of those that are none, as qemu-img says it.</summary>
internal static class SizeText
{
    /// <summary>Reads a size that a disk can have.</summary>
    /// <returns>Null where it is not one.</returns>
    internal static long? Read(string text) => ByteSize.TryParse(text, out ulong size) && size <= long.MaxValue ? (long)size : null;

    /// <summary>The size of an operand or option.</summary>
    /// <param name="text">The text.</param>
    /// <param name="what">What it is the size of, for the message.</param>
    internal static long Require(string text, string what)
    {
        if (!ByteSize.TryParse(text, out ulong size))
        {
            throw new UsageException($"""
                Invalid {what} specified. You may use k, M, G, T, P or E suffixes for
                kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.
                """);
        }

        return size <= long.MaxValue ? (long)size
            : throw new UsageException($"Invalid {what} specified. Must be between 0 and {long.MaxValue.ToString(CultureInfo.InvariantCulture)}.");
    }
}
