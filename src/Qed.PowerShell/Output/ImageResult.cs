using static System.IO.Path;

namespace Qed;

/// <summary>The base of what is told about an image: which one.</summary>
/// <remarks>
/// Properties whose names end in Text are what the module's views show. They are hidden from scripts, and there at all
/// because a view that calls methods is blank in Constrained Language Mode.
/// </remarks>
public abstract class ImageResult
{
    private protected ImageResult()
    {
    }

    /// <summary>Full path of the image's file.</summary>
    public abstract string Path { get; }

    /// <summary>The path with its provider, which other cmdlets take for a literal path.</summary>
    public string PSPath => ProviderPath.Of(Path);

    /// <summary>Name of the image's file.</summary>
    public string Name => GetFileName(Path);

    /// <summary>Full path of the folder that the file is in.</summary>
    public string? Directory => GetDirectoryName(Path);

    /// <summary>How a view calls another file: by its name alone where it lies beside the image.</summary>
    private protected string ShortNameOf(string path) => GetDirectoryName(path) == Directory ? GetFileName(path) : path;

    /// <summary>The path, so that a result can be given wherever a path can.</summary>
    public override string ToString() => Path;
}
