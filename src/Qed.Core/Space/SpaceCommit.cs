using System.Collections.Generic;

namespace Qed.Space;

/// <summary>What a commit makes durable of an image's space.</summary>
/// <param name="Parked">Clusters whose last reference it drops.</param>
/// <param name="Punched">Free clusters that read as zeroes from then on.</param>
/// <param name="EndChanges">The changes of the file's length before it.</param>
/// <param name="Forgotten">How often all that was free had been forgotten before it.</param>
internal sealed record SpaceCommit(List<ClusterRun> Parked, List<ClusterRun> Punched, long EndChanges, int Forgotten);
