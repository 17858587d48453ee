namespace Qed.PowerShell.Serving;

/// <summary>A server, in whatever process it runs.</summary>
internal interface IRunningServer
{
    /// <summary>What it is.</summary>
    ServerDescription Description { get; }

    /// <summary>What it is about; once it has ended, what it was about at last.</summary>
    ServerState State { get; }

    /// <summary>Whether it has not been stopped.</summary>
    bool IsRunning { get; }

    /// <summary>Lets what has come be done and answered, and returns once the images are closed.</summary>
    /// <exception cref="DiskImageException">An image could not be closed: what was written last may be lost.</exception>
    void Stop();
}
