namespace Qed;

/// <summary>Something that one format alone has to say about an image, by the name that QEMU gives it.</summary>
/// <param name="Name">The name, in lower case, words joined by hyphens: "refcount-bits".</param>
/// <param name="Text">The value: "1.1", "16", "false".</param>
/// <param name="IsLiteral">Whether the value is a number or a truth value, which JSON has without quotes.</param>
public sealed record FormatProperty(string Name, string Text, bool IsLiteral);
