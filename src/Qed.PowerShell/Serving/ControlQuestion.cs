namespace Qed.PowerShell.Serving;

/// <summary>What is asked of a server that has a process of its own.</summary>
internal enum ControlQuestion : byte
{
    /// <summary>What it is: a <see cref="ServerDescription"/>.</summary>
    Describe = 1,

    /// <summary>What it is about: a <see cref="ServerState"/>.</summary>
    State,

    /// <summary>To stop; answered, with what went wrong or nothing, once its images are closed.</summary>
    Stop,
}
