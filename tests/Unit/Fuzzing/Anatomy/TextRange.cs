namespace Qed.Tests.Fuzzing.Anatomy;

/// <summary>How the characters of a text are stored.</summary>
internal enum TextKind
{
    /// <summary>A name in UTF-8.</summary>
    Name,

    /// <summary>A name in UTF-16, the low byte first.</summary>
    WideName,

    /// <summary>Lines of a descriptor.</summary>
    Lines,
}

/// <summary>A text in a structure on disk.</summary>
/// <param name="File">The file that holds it.</param>
/// <param name="Offset">Where it starts.</param>
/// <param name="Length">Bytes that are there for it.</param>
/// <param name="Kind">How it is stored.</param>
internal sealed record TextRange(string File, int Offset, int Length, TextKind Kind);
