namespace Qed.Tool;

/// <summary>Exit codes, which are qemu-img's.</summary>
internal static class ExitCode
{
    internal const int Success = 0;

    /// <summary>The command failed; of a comparison: the images differ.</summary>
    internal const int Failure = 1;

    /// <summary>Of a comparison: an image cannot be read.</summary>
    internal const int CompareFailure = 2;

    /// <summary>Of a check: corruptions.</summary>
    internal const int Corruptions = 2;

    /// <summary>Of a check: lost space, but no corruption.</summary>
    internal const int Leaks = 3;

    /// <summary>Of a check: images of this format are not checked.</summary>
    internal const int NotCheckable = 63;

    /// <summary>Interrupted: this and the signal's number.</summary>
    internal const int Signal = 128;

    /// <summary>Stopped by Ctrl+C.</summary>
    internal const int Interrupted = Signal + 2;
}
