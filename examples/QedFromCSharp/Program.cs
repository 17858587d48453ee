// Disk images from C#: creates one, writes and reads it, checks it, converts it, and meets an error.
//
//     dotnet run --project examples/QedFromCSharp -- folder
//
// The folder must exist; what is made stays there.

using System;
using System.IO;
using System.Linq;
using System.Text;
using Qed;
using Qed.Images;
using Qed.Operations;

if (args.Length != 1)
{
    Console.Error.WriteLine("Name a folder for the images.");
    return 1;
}

string disk = Path.Combine(args[0], "disk.qed");
string copy = Path.Combine(args[0], "disk.vhdx");
byte[] text = Encoding.UTF8.GetBytes("Hello, guest!");

// Every operation takes a record of options, and gives a result.
ImageDescription created = CreateImage.Run(new CreateImageOptions { Path = disk, Format = "qed", Size = 64 << 20 });
Console.WriteLine($"Created {Path.GetFileName(created.Path)}: a disk of {ByteSize.FormatShort(created.Size)} in {created.FileSize} bytes.");

// An open disk is read and written anywhere, by several threads if need be. It is checked first if it was not closed cleanly.
using (WritableDiskImage image = OpenImage.ForWriting(disk))
{
    image.Write(1 << 20, text);
    image.Flush();                              // on stable storage from here on
    using Stream stream = image.AsStream();     // or as a stream
    stream.Seek(32 << 20, SeekOrigin.Begin);
    stream.Write(text);
}

using (DiskImage image = OpenImage.ForReading(disk))
{
    byte[] buffer = new byte[text.Length];
    image.Read(32 << 20, buffer);
    Console.WriteLine($"Read '{Encoding.UTF8.GetString(buffer)}' at 32 MiB.");
    foreach (MappedExtent extent in image.GetExtents(0, image.Length).Where(extent => extent.Kind == ExtentKind.Data))
        Console.WriteLine($"Data: {extent.Length} bytes at {extent.Offset}.");
}

// What is wrong with an image is part of the result of a check, not an error.
CheckResult check = CheckImage.Run(new CheckImageOptions { Path = disk });
Console.WriteLine($"Checked: {check.Status}, {check.AllocatedClusters} of {check.TotalClusters} clusters have data.");

// A new file appears under its name only when it is whole; here both are also compared, byte by byte.
ConvertResult converted = ConvertImage.Run(new ConvertImageOptions { Path = disk, DestinationPath = copy, Format = "vhdx", Verify = true });
Console.WriteLine($"Converted to {converted.Target.Format}: {Path.GetFileName(converted.Target.Path)}.");

// What goes wrong has a kind that a program can rely on, and often a remedy.
try
{
    ConvertImage.Run(new ConvertImageOptions { Path = disk, DestinationPath = copy, Format = "vhdx" });
}
catch (DiskImageException error) when (error.Kind == ErrorKind.ImageExists)
{
    Console.WriteLine($"Refused: {error.Kind}. {error.Remedy}");
}

return 0;
