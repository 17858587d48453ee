using System;
using System.Globalization;
using System.Text;

namespace Qed;

/// <summary>The one exception of the engine: a kind that scripts can match, and what is known about the fault.</summary>
public sealed class DiskImageException : Exception
{
    /// <summary>Creates an error of a kind.</summary>
    /// <param name="kind">The kind, which front ends turn into a stable error id.</param>
    /// <param name="rule">A sentence that names the rule that was broken, without a final full stop.</param>
    /// <param name="path">The host file concerned.</param>
    /// <param name="inner">The system's own error, where there is one.</param>
    public DiskImageException(ErrorKind kind, string rule, string? path = null, Exception? inner = null)
        : base(rule, inner)
    {
        Kind = kind;
        Path = path;
    }

    /// <summary>The kind of the error.</summary>
    public ErrorKind Kind { get; }

    /// <summary>The host file concerned, where one is known.</summary>
    public string? Path { get; init; }

    /// <summary>The structure on disk that breaks the rule, in the words of the format's specification.</summary>
    public string? Structure { get; init; }

    /// <summary>Host file offset of that structure, in bytes.</summary>
    public long? Offset { get; init; }

    /// <summary>The value found there.</summary>
    public ulong? Value { get; init; }

    /// <summary>What would help: the nearest value that works, or the command to run.</summary>
    public string? Hint { get; init; }

    /// <summary>The same error, said of another file: the one that the user knows.</summary>
    internal DiskImageException WithPath(string path) => Copy(path, Hint);

    /// <summary>The same error with other advice, from somebody who knows more of the circumstances.</summary>
    internal DiskImageException WithHint(string hint) => Copy(Path, hint);

    /// <inheritdoc/>
    public override string Message
    {
        get
        {
            var text = new StringBuilder();
            if (Path is not null)
                text.Append('\'').Append(Path).Append("': ");
            text.Append(base.Message);
            if (Structure is not null)
            {
                text.Append(" (").Append(Structure);
                if (Offset is long offset)
                    text.Append(" at offset ").Append(offset.ToString(CultureInfo.InvariantCulture));
                if (Value is ulong value)
                    text.Append(", value 0x").Append(value.ToString("x", CultureInfo.InvariantCulture));
                text.Append(')');
            }

            text.Append('.');
            if (Hint is not null)
                text.Append(' ').Append(Hint);
            return text.ToString();
        }
    }

    private DiskImageException Copy(string? path, string? hint) => new(Kind, base.Message, path, InnerException)
    {
        Structure = Structure,
        Offset = Offset,
        Value = Value,
        Hint = hint,
    };
}
