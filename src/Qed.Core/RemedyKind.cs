namespace Qed;

/// <summary>What would help against an error. A front end words the kinds for which it has a command or an option of its own.</summary>
public enum RemedyKind
{
    /// <summary>Plain advice, the same wherever it is read: the subject is its wording.</summary>
    Advice,

    /// <summary>Take the nearest value that works: the subject is what it is a value of, the value is the number.</summary>
    TakeNearest,

    /// <summary>Have everything listed that is wrong with the image.</summary>
    ListDamage,

    /// <summary>Say which format the image really has: the subject is the format, where only one is possible; the value is the condition.</summary>
    SayFormat,

    /// <summary>As <see cref="SayFormat"/>, of the second of two images.</summary>
    SayDifferenceFormat,

    /// <summary>As <see cref="SayFormat"/>, of the backing file that is given in the same breath.</summary>
    SayBackingFormat,

    /// <summary>As <see cref="SayFormat"/>, of a backing file whose name an image stores.</summary>
    StoreBackingFormat,

    /// <summary>Have an image store another backing file name.</summary>
    StoreBackingName,

    /// <summary>Put a backing file back, or have the image store another name.</summary>
    RestoreBackingFile,

    /// <summary>Cut a loop of backing files: have an image store no backing file, which reads nothing.</summary>
    CutLoop,

    /// <summary>Give another backing file than the one that was given.</summary>
    GiveBackingFile,

    /// <summary>Give another name for the new file, or allow the old one to be replaced.</summary>
    AllowOverwriting,

    /// <summary>Give the size of the new image.</summary>
    GiveSize,

    /// <summary>Give the format of the new image.</summary>
    GiveFormat,

    /// <summary>Say how long the disk is that comes through a stream.</summary>
    GiveLength,

    /// <summary>Choose larger clusters for the new image.</summary>
    EnlargeClusters,

    /// <summary>Choose larger tables for the new image.</summary>
    EnlargeTables,

    /// <summary>Choose larger clusters or tables for the new image.</summary>
    EnlargeClustersOrTables,

    /// <summary>Choose smaller clusters for the new image.</summary>
    ReduceClusters,

    /// <summary>Choose the fixed subformat for the new image.</summary>
    ChooseFixed,

    /// <summary>Choose the dynamic subformat for the new image.</summary>
    ChooseDynamic,

    /// <summary>Look at a foreign file name that an image stores, and allow it to be opened.</summary>
    AllowExternalData,

    /// <summary>Do not have the source deleted.</summary>
    KeepSource,

    /// <summary>Do not have the source deleted, or let the target rest on another image.</summary>
    KeepSourceOrRestElsewhere,

    /// <summary>Have a merged image kept as it is, or deleted.</summary>
    KeepOrDeleteMerged,

    /// <summary>Merge although images rest on what changes.</summary>
    ForceMerge,

    /// <summary>Allow the disk to become smaller.</summary>
    AllowShrinking,

    /// <summary>Convert the image to QED.</summary>
    ConvertToQed,

    /// <summary>Convert the image to one with larger clusters or tables.</summary>
    CopyWithLargerTables,

    /// <summary>Convert the image, which leaves unknown features behind.</summary>
    CopyWithoutFeatures,

    /// <summary>Undo a repair as far as its damaged undo file goes.</summary>
    ForceDamagedUndo,

    /// <summary>Undo a repair although the image was written since.</summary>
    ForceLateUndo,

    /// <summary>Finish a repair that was interrupted, or undo it.</summary>
    FinishRepair,

    /// <summary>Finish an undo that was interrupted.</summary>
    FinishUndo,

    /// <summary>Remove the undo file of an earlier repair.</summary>
    DiscardUndo,

    /// <summary>Say where the undo file of a repair lies, or is to lie.</summary>
    GiveUndoPath,
}
