using System;
using System.Globalization;
using System.Text;

namespace Qed;

/// <summary>The one exception of the engine: a kind that scripts can match, and what is known about the fault.</summary>
public sealed class DiskImageException : Exception
{
    private Func<Remedy, string?>? _words;

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

    /// <summary>What would help, where something is known to.</summary>
    public Remedy? Remedy { get; init; }

    /// <summary>The same error in a front end's words.</summary>
    /// <param name="words">What it calls a remedy by itself; null leaves the engine's neutral words.</param>
    public DiskImageException WithWords(Func<Remedy, string?> words) => Copy(Path, Remedy, words);

    /// <summary>The sentence that names the rule, without the path and the advice.</summary>
    internal string Rule => base.Message;

    /// <summary>The same error, said of another file: the one that the user knows.</summary>
    internal DiskImageException WithPath(string path) => Copy(path, Remedy, _words);

    /// <summary>The same error with another remedy, from somebody who knows more of the circumstances.</summary>
    internal DiskImageException WithRemedy(Remedy? remedy) => Copy(Path, remedy, _words);

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
            if (Remedy is not null)
                text.Append(' ').Append(Remedy.Say(_words));
            return text.ToString();
        }
    }

    private DiskImageException Copy(string? path, Remedy? remedy, Func<Remedy, string?>? words) => new(Kind, base.Message, path, InnerException)
    {
        Structure = Structure,
        Offset = Offset,
        Value = Value,
        Remedy = remedy,
        _words = words,
    };
}
