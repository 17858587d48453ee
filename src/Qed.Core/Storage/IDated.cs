using System;

namespace Qed.Storage;

/// <summary>A storage that knows when it was last written.</summary>
internal interface IDated
{
    /// <summary>When that was, UTC.</summary>
    DateTime LastWriteTime { get; }
}
