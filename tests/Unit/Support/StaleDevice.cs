namespace Qed.Tests.Support;

/// <summary>A block device in memory, full of what others have left there, so that what is read without having been written shows.</summary>
internal static class StaleDevice
{
    /// <summary>An image's bytes with such leavings behind them.</summary>
    /// <param name="image">The image as it lies in a file.</param>
    /// <param name="length">Bytes of the device.</param>
    internal static byte[] Bytes(byte[] image, int length)
    {
        byte[] bytes = Patterns.Random(length, 97);
        image.CopyTo(bytes, 0);
        return bytes;
    }

    /// <summary>A device with an image at its start.</summary>
    internal static MemoryStorage Of(byte[] image, int length) => new(Bytes(image, length)) { IsDevice = true };
}
