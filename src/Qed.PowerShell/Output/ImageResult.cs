namespace Qed;

/// <summary>The base of what is told about an image: which one.</summary>
public abstract class ImageResult
{
    private protected ImageResult()
    {
    }

    /// <summary>Full path of the image's file.</summary>
    public abstract string Path { get; }

    /// <summary>The path with its provider, which other cmdlets take for a literal path.</summary>
    public string PSPath => ProviderPath.Of(Path);

    /// <summary>The path, so that a result can be given wherever a path can.</summary>
    public override string ToString() => Path;
}
