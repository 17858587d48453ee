using Microsoft.Extensions.Logging;

namespace Qed;

/// <summary>Every message of the engine's log, in one place. Once a version is out a number stays what it is; a new message takes the next.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Warning, "The backing file '{Path}' has a raw image's name but was recognised as {Format}. If a guest wrote it, this may be a trap: it is safer to have its format stored.")]
    internal static partial void ProbedAsOther(ILogger logger, string path, string format);

    [LoggerMessage(2, LogLevel.Debug, "Opened '{Path}' as {Format}, {Size} bytes.")]
    internal static partial void Opened(ILogger logger, string path, string format, long size);

    [LoggerMessage(3, LogLevel.Warning, "QEMU cannot open an image with clusters of {ClusterSize} bytes and tables of {TableSize} clusters.")]
    internal static partial void NotOpenedByQemu(ILogger logger, long clusterSize, int tableSize);

    [LoggerMessage(4, LogLevel.Warning, "QEMU can damage an image with clusters of {ClusterSize} bytes and tables of {TableSize} clusters when a guest writes much at once. Larger clusters are safe.")]
    internal static partial void UnsafeUnderQemu(ILogger logger, long clusterSize, int tableSize);

    [LoggerMessage(5, LogLevel.Information, "Created '{Path}', {Size} bytes.")]
    internal static partial void Created(ILogger logger, string path, long size);

    [LoggerMessage(6, LogLevel.Warning, "The source '{Path}' has {Size} bytes, which is no multiple of {Granularity}: the target is padded with zeroes to {Padded} bytes.")]
    internal static partial void Padded(ILogger logger, string path, long size, long granularity, long padded);

    [LoggerMessage(7, LogLevel.Information, "Copied {Data} of {Total} bytes from '{Source}' to '{Target}'; the rest is zeroes or comes from the backing file.")]
    internal static partial void Copied(ILogger logger, string source, string target, long data, long total);

    [LoggerMessage(8, LogLevel.Information, "Verified that '{Target}' reads as '{Source}'.")]
    internal static partial void Verified(ILogger logger, string source, string target);

    [LoggerMessage(9, LogLevel.Information, "Checked '{Path}' in {Milliseconds} ms: {Corruptions} corruptions, {Leaks} leaked clusters.")]
    internal static partial void Checked(ILogger logger, string path, long milliseconds, long corruptions, long leaks);

    [LoggerMessage(10, LogLevel.Information, "Resized '{Path}' from {OldSize} to {NewSize} bytes.")]
    internal static partial void Resized(ILogger logger, string path, long oldSize, long newSize);

    [LoggerMessage(11, LogLevel.Information, "Reclaimed {Clusters} clusters of '{Path}'.")]
    internal static partial void Reclaimed(ILogger logger, long clusters, string path);

    [LoggerMessage(12, LogLevel.Information, "Copied {Bytes} bytes into '{Path}' that its new backing file does not have.")]
    internal static partial void CopiedIn(ILogger logger, long bytes, string path);

    [LoggerMessage(13, LogLevel.Information, "Changed the backing file of '{Path}' from '{Old}' to '{New}'.")]
    internal static partial void Rebased(ILogger logger, string path, string old, string @new);

    [LoggerMessage(14, LogLevel.Warning, "'{Path}' was not closed cleanly. It was checked and found sound, so it can be written.")]
    internal static partial void NeededCheck(ILogger logger, string path);

    [LoggerMessage(15, LogLevel.Warning, "Nothing references {Leaks} clusters of '{Path}': space is lost, data is not.")]
    internal static partial void LeaksFound(ILogger logger, string path, long leaks);

    [LoggerMessage(16, LogLevel.Information, "Repairing '{Path}': {Change}.")]
    internal static partial void RepairChange(ILogger logger, string path, string change);

    [LoggerMessage(17, LogLevel.Information, "Put '{Path}' back as it was before the repair.")]
    internal static partial void RepairUndone(ILogger logger, string path);

    [LoggerMessage(18, LogLevel.Warning, "A repair of '{Path}', or undoing one, has begun and not ended; its undo file is '{UndoPath}'.")]
    internal static partial void RepairUnfinished(ILogger logger, string path, string undoPath);

    [LoggerMessage(19, LogLevel.Warning, "'{UndoPath}' is the undo file of a repair that has not ended, and of another state of '{Path}' than the present one.")]
    internal static partial void UndoOfAnotherState(ILogger logger, string undoPath, string path);

    [LoggerMessage(20, LogLevel.Warning, "What the repair of '{Path}' had changed is as it was before, amid whatever else has changed since.")]
    internal static partial void UndoneByForce(ILogger logger, string path);

    [LoggerMessage(21, LogLevel.Warning, "'{Path}' is not as it was before its repair: {Bytes} bytes were put back, and {Lost}. The undo file '{UndoPath}' is kept.")]
    internal static partial void UndoneInPart(ILogger logger, string path, long bytes, string lost, string undoPath);

    [LoggerMessage(22, LogLevel.Warning, "'{Path}': {Warning}.")]
    internal static partial void BackingFileDoubtful(ILogger logger, string path, string warning);

    [LoggerMessage(23, LogLevel.Warning, "'{Path}' has internal snapshots, which the target does not get: {Names}.")]
    internal static partial void SnapshotsDropped(ILogger logger, string path, string names);

    [LoggerMessage(24, LogLevel.Information, "Deleted the source '{Path}' after a verified conversion.")]
    internal static partial void DeletedSource(ILogger logger, string path);

    [LoggerMessage(25, LogLevel.Warning, "'{Path}' ends inside its last data cluster, whose last {Missing} bytes are read as zeroes. If it is a copy, it may not be whole.")]
    internal static partial void EndsInCluster(ILogger logger, string path, long missing);

    [LoggerMessage(26, LogLevel.Warning, "'{Path}' is damaged: its grain {Damage}. The redundant copy is used instead.")]
    internal static partial void RedundantTablesUsed(ILogger logger, string path, string damage);

    [LoggerMessage(27, LogLevel.Warning, "'{Path}' is the data of a VMDK disk without its descriptor, and is read as the raw disk that it holds.")]
    internal static partial void FlatDataAlone(ILogger logger, string path);

    [LoggerMessage(28, LogLevel.Warning, "'{Path}' has bitmaps of what was changed since a backup, which the target does not get: {Names}. The next backup of it must be a full one.")]
    internal static partial void BitmapsDropped(ILogger logger, string path, string names);

    [LoggerMessage(29, LogLevel.Warning, "'{Path}' is a disk of {SectorSize}-byte sectors, and the {Format} target is one of {TargetSectorSize}-byte sectors: its guest may not find its partitions there.")]
    internal static partial void SectorSizeLost(ILogger logger, string path, int sectorSize, int targetSectorSize, string format);

    [LoggerMessage(30, LogLevel.Warning, "The blocks of '{Path}' lie so scattered that not all of their places were compared with each other.")]
    internal static partial void PlacesTooScattered(ILogger logger, string path);

    [LoggerMessage(31, LogLevel.Warning, "'{Path}' has data in sectors that its bitmaps call unused: they are read as zeroes, as the format says. Where a program wrote it that never sets the bits, convert it with one that does not look at them, such as QEMU.")]
    internal static partial void DataInUnusedSectors(ILogger logger, string path);

    [LoggerMessage(32, LogLevel.Warning, "'{Path}': {Doubt}.")]
    internal static partial void FooterDoubtful(ILogger logger, string path, string doubt);

    [LoggerMessage(33, LogLevel.Warning, "{Damage} What lies there is copied as it reads, and there may be more of it.")]
    internal static partial void SalvagedOverlap(ILogger logger, string damage);

    [LoggerMessage(34, LogLevel.Information, "Compared '{Path}' with '{DifferencePath}' in {Milliseconds} ms: they {Outcome}.")]
    internal static partial void Compared(ILogger logger, string path, string differencePath, long milliseconds, string outcome);

    [LoggerMessage(35, LogLevel.Information, "Read {Bytes} bytes at guest offset {Offset} from '{Path}'.")]
    internal static partial void ContentRead(ILogger logger, long bytes, long offset, string path);

    [LoggerMessage(36, LogLevel.Information, "Wrote {Bytes} bytes at guest offset {Offset} into '{Path}'.")]
    internal static partial void ContentWritten(ILogger logger, long bytes, long offset, string path);

    [LoggerMessage(37, LogLevel.Information, "'{Path}' is not measured as {Format}: {Reason}")]
    internal static partial void NotMeasured(ILogger logger, string path, string format, string reason);

    [LoggerMessage(38, LogLevel.Warning, "{Bytes} bytes of '{Path}' could not be read, in {Ranges} ranges, and are zeroes in '{Target}'. By their length and guest offset: {First}.")]
    internal static partial void Salvaged(ILogger logger, string path, long bytes, int ranges, string target, string first);

    [LoggerMessage(39, LogLevel.Warning, "{Bytes} bytes of '{Path}' were read once and could not be read again, so they were not verified.")]
    internal static partial void NotVerified(ILogger logger, string path, long bytes);

    [LoggerMessage(40, LogLevel.Warning, "'{Path}' has data that the system could not write to its disk ({Error}). What is read of it comes from memory.")]
    internal static partial void NotWrittenOut(ILogger logger, string path, string error);

    [LoggerMessage(41, LogLevel.Warning, "'{Path}' lies on a file system without locks: nothing keeps others from writing it meanwhile, so make sure that nobody does.")]
    internal static partial void NoLocks(ILogger logger, string path);

    [LoggerMessage(42, LogLevel.Warning, "The new '{Path}' could not keep of the file that it replaces: {Lost}.")]
    internal static partial void AttributesLost(ILogger logger, string path, string lost);

    [LoggerMessage(43, LogLevel.Warning, "'{Path}' is replaced by a new file; its {Names} other names (hard links) go on leading to the old one.")]
    internal static partial void NamesLost(ILogger logger, string path, long names);

    [LoggerMessage(44, LogLevel.Warning, "Removed '{Path}', which an earlier run has left that was killed while it wrote '{Target}'.")]
    internal static partial void LeftoverRemoved(ILogger logger, string path, string target);

    [LoggerMessage(45, LogLevel.Warning, "'{Path}' belonged to the image that was overwritten and could not be removed: {Reason}")]
    internal static partial void ReplacedNotRemoved(ILogger logger, string path, string reason);

    [LoggerMessage(46, LogLevel.Information, "Optimized '{Path}': it took up {OldSize} bytes and takes up {NewSize}, {Moved} bytes were moved.")]
    internal static partial void Optimized(ILogger logger, string path, long oldSize, long newSize, long moved);

    [LoggerMessage(47, LogLevel.Information, "Not looked at whether '{Path}' rests on another image: {Rule}.")]
    internal static partial void HeaderNotRead(ILogger logger, string path, string rule);

    [LoggerMessage(48, LogLevel.Warning, "'{Path}' could not be searched for images that rest on those which change: {Rule}.")]
    internal static partial void FolderNotSearched(ILogger logger, string path, string rule);

    [LoggerMessage(49, LogLevel.Information, "Merged '{Path}' into '{Destination}': {Written} bytes were written, {Zeroed} made zeroes.")]
    internal static partial void Merged(ILogger logger, string path, string destination, long written, long zeroed);

    [LoggerMessage(50, LogLevel.Information, "Emptied '{Path}', which shows what it rests on.")]
    internal static partial void Emptied(ILogger logger, string path);

    [LoggerMessage(51, LogLevel.Information, "Deleted '{Path}', which was merged.")]
    internal static partial void DeletedMerged(ILogger logger, string path);

    [LoggerMessage(52, LogLevel.Warning, "'{Path}' reads differently from now on, or cannot be read: it rests on '{Changed}'.")]
    internal static partial void RestsOnChanged(ILogger logger, string path, string changed);

    [LoggerMessage(53, LogLevel.Warning, "'{Path}' was merged and is kept: '{Resting}' rests on it.")]
    internal static partial void KeptForOthers(ILogger logger, string path, string resting);

    [LoggerMessage(54, LogLevel.Warning, "A repair of '{Path}', or undoing one, has begun and not ended; its undo file is wherever that repair was told to keep it.")]
    internal static partial void DeviceRepairUnfinished(ILogger logger, string path);

    [LoggerMessage(55, LogLevel.Warning, "The block device '{Path}' has {Room} bytes, and tables of the image on it lead to places up to {Needed}. If it was made smaller, make it that large again before the image is repaired.")]
    internal static partial void DeviceCutShort(ILogger logger, string path, long room, long needed);
}
