namespace Qed;

/// <summary>What went wrong, as scripts may rely on it: each kind is one stable error id of the front ends.</summary>
public enum ErrorKind
{
    /// <summary>The image, or the folder it should be in, does not exist.</summary>
    ImageNotFound,

    /// <summary>The file is not an image of the format asked for, or of any format known.</summary>
    ImageNotRecognized,

    /// <summary>The image breaks a rule of its format; its data may not be what was written.</summary>
    ImageCorrupt,

    /// <summary>Another process, or another handle of this one, has the image open in a way that excludes the request.</summary>
    ImageInUse,

    /// <summary>The target exists and overwriting was not asked for.</summary>
    ImageExists,

    /// <summary>The image needs a feature, or the request an ability, that is not supported.</summary>
    UnsupportedFeature,

    /// <summary>A size is out of bounds or not a multiple of what the format demands.</summary>
    InvalidSize,

    /// <summary>A cluster size, table size or other geometry is out of bounds.</summary>
    InvalidGeometry,

    /// <summary>A backing file that is needed does not exist.</summary>
    BackingFileMissing,

    /// <summary>A backing file name or form is refused by policy.</summary>
    BackingFileRefused,

    /// <summary>A backing chain leads back to a file that is already part of it.</summary>
    BackingChainLoop,

    /// <summary>The disk, quota or device is full.</summary>
    NotEnoughSpace,

    /// <summary>The system denied access, or the device failed.</summary>
    AccessDenied,

    /// <summary>The operation was cancelled.</summary>
    OperationCanceled,
}
