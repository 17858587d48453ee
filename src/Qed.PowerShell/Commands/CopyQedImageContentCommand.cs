using System.IO;
using System.Linq;
using System.Management.Automation;
using Qed.Operations;
using Qed.PowerShell.Binding;
using Qed.PowerShell.Pipeline;

namespace Qed.PowerShell.Commands;

/// <summary>Reads a range of bytes from the disk of images of any format, or writes one into the disk of QED images.</summary>
[Cmdlet(VerbsCommon.Copy, "QedImageContent", DefaultParameterSetName = LiteralPathSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, HelpUri = HelpPage.Folder + "Copy-QedImageContent.md")]
[OutputType(typeof(byte[]), typeof(FileInfo), typeof(ImageInfo))]
public sealed class CopyQedImageContentCommand : SourceCmdlet
{
    private readonly ImageTurns _turns = new();
    private readonly TargetNames _targets = new();
    private string? _imageOfStream;

    /// <summary>Where on the guest's disk to start, in bytes.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public ulong? Offset { get; set; }

    /// <summary>How many bytes; by default all up to the end of the disk, or all that is to be written.</summary>
    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public ulong? Length { get; set; }

    /// <summary>Reads into a file, a literal path. What is zero is left out as holes.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string? DestinationFile { get; set; }

    /// <summary>Reads into a stream, at its present position; it stays open.</summary>
    [Parameter]
    [BlankIsAbsent]
    public Stream? DestinationStream { get; set; }

    /// <summary>Reads into an array of bytes and emits it.</summary>
    [Parameter]
    public SwitchParameter AsByteArray { get; set; }

    /// <summary>Writes the bytes of a file, a literal path, whatever they are.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsAbsent]
    public string? SourceFile { get; set; }

    /// <summary>Writes the bytes of a stream, from its present position on; it stays open.</summary>
    [Parameter]
    [BlankIsAbsent]
    public Stream? SourceStream { get; set; }

    /// <summary>Writes these bytes.</summary>
    [Parameter]
    [Alias("SourceBytes")]
    [BlankIsAbsent]
    public byte[]? Bytes { get; set; }

    /// <summary>Reads what was written again and compares it.</summary>
    [Parameter]
    public SwitchParameter Verify { get; set; }

    /// <summary>Replaces an existing destination file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Emits the file that was read into, or the description of the image.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private bool IsWriting => (SourceFile ?? SourceStream ?? (object?)Bytes) is not null;

    // Not parameter sets: more than two would leave PowerShell no way to choose between Path and PSPath of one object.
    private protected override void CheckParameters()
    {
        object?[] places = [DestinationFile, DestinationStream, AsByteArray ? true : null, SourceFile, SourceStream, Bytes];
        int count = places.Count(place => place is not null);
        if (count == 0)
            RefuseParameters("MissingMandatoryParameter", "Say where to read to with -DestinationFile, -DestinationStream or -AsByteArray, or what to write with -SourceFile, -SourceStream or -Bytes.");
        if (count > 1)
            RefuseParameters("AmbiguousParameterSet", "-DestinationFile, -DestinationStream, -AsByteArray, -SourceFile, -SourceStream and -Bytes exclude each other.");
        if (Force && DestinationFile is null)
            RefuseParameters("AmbiguousParameterSet", "-Force goes with -DestinationFile.");
        if (Verify && !IsWriting && DestinationFile is null)
            RefuseParameters("AmbiguousParameterSet", "-Verify goes with -DestinationFile, -SourceFile, -SourceStream or -Bytes.");
        if (IsWriting && SourceFormat is not null)
            RefuseParameters("AmbiguousParameterSet", "-SourceFormat is for reading; only QED images are written.");
        if (DestinationStream is { CanWrite: false })
            RefuseParameters("ParameterArgumentValidationError", "-DestinationStream cannot be written.");
        if (SourceStream is { CanRead: false })
            RefuseParameters("ParameterArgumentValidationError", "-SourceStream cannot be read.");
    }

    private protected override void ProcessImage(string path)
    {
        if ((DestinationStream ?? SourceStream) is not null)
            ClaimStream(path);
        if (IsWriting)
            Write(path);
        else
            Read(path);
    }

    private void ClaimStream(string path)
    {
        if (_imageOfStream is not null)
        {
            throw new DiskImageException(ErrorKind.UnsupportedFeature, $"the stream is used for '{_imageOfStream}' already", path)
            {
                Remedy = Remedy.Advice("A stream serves one image."),
            };
        }

        _imageOfStream = path;
    }

    private void Read(string path)
    {
        string? file = DestinationFile is null ? null : PathResolver.FullPath(Resolver.ResolveLiteral(DestinationFile));
        if (file is not null)
            _targets.Claim(file, path, "Give each image a -DestinationFile of its own.");
        var options = new ReadContentOptions
        {
            Path = path,
            SourceFormat = SourceFormat,
            RawFallback = RawFallback.Recognised,
            Offset = SizeArgument.ToBytes(Offset, path) ?? 0,
            Length = SizeArgument.ToBytes(Length, path),
            DestinationFile = file,
            DestinationStream = DestinationStream,
            Force = Force,
            Verify = Verify,
        };
        if (AsByteArray)
        {
            Start(path, item => item.Emit(ReadContent.ToArray(options, item.Progress, item.Logger, item.Cancellation)));
            return;
        }

        if (!IsReadingWanted(path, $"Read {Amount} at offset {Offset ?? 0} into {(file is null ? "the stream" : $"'{file}'")}"))
            return;
        bool passThru = PassThru;
        Start(path, item =>
        {
            ReadContent.Run(options, item.Progress, item.Logger, item.Cancellation);
            if (passThru)
                item.Emit(file is null ? new ImageInfo(Describe(options, item)) : new FileInfo(file));
        });
    }

    private static ImageDescription Describe(ReadContentOptions read, WorkItem item)
    {
        var options = new DescribeImageOptions { Path = read.Path, SourceFormat = read.SourceFormat, RawFallback = read.RawFallback };
        return DescribeImage.Run(options, item.Progress, item.Logger, item.Cancellation);
    }

    private void Write(string path)
    {
        string? file = SourceFile is null ? null : Resolver.ResolveLiteral(SourceFile);
        var options = new WriteContentOptions
        {
            Path = path,
            Offset = SizeArgument.ToBytes(Offset, path) ?? 0,
            Length = SizeArgument.ToBytes(Length, path),
            SourceFile = file,
            SourceStream = SourceStream ?? (Bytes is null ? null : new MemoryStream(Bytes, writable: false)),
            Verify = Verify,
        };
        if (Consent.IsSought(this, ConfirmImpact.High))
            Foresight.OfChanging(path);
        string from = file is not null ? $"'{file}'" : Bytes is null ? "the stream" : "the given array";
        if (!ShouldProcess(path, $"Overwrite the disk at offset {Offset ?? 0} with {(Length is null && Bytes is not null ? ByteSize.Format((ulong)Bytes.Length) : Amount)} from {from}"))
            return;
        bool passThru = PassThru;
        Start(path, item =>
        {
            using (_turns.Take(path))
            {
                ChangeResult result = WriteContent.Run(options, item.Progress, item.Logger, item.Cancellation);
                if (passThru)
                    item.Emit(new ImageInfo(result.After));
            }
        });
    }

    private string Amount => Length is null ? "all bytes" : ByteSize.Format(Length);

    /// <summary>
    /// Reading has a lower impact than writing, and a cmdlet can declare only one: ShouldProcess is left out where it
    /// would ask only because of what this cmdlet does when it writes.
    /// </summary>
    private bool IsReadingWanted(string path, string action) => !Consent.IsSought(this, ConfirmImpact.Medium) || ShouldProcess(path, action);
}
