using System;
using System.Collections.Generic;
using System.IO;
using Microsoft.Extensions.Logging.Abstractions;
using Qed.Chains;
using Qed.Formats;
using Qed.Images;
using Qed.Storage;

namespace Qed.Tests.Fuzzing;

/// <summary>The only files that there are: those of a mutant. Whoever asks for one that no policy allows has failed.</summary>
/// <param name="mutant">The files.</param>
/// <param name="meter">Told of each request.</param>
internal sealed class FuzzFiles(Mutant mutant, WorkMeter meter) : ICompanionFiles
{
    private const string Folder = "/memory/";
    private const int DeepestChain = 5;

    /// <summary>Whether the files of backing images and companions may be opened now.</summary>
    internal bool MayOpenOthers { get; set; } = true;

    public BlockStorage? OpenBeside(string name)
    {
        if (!MayOpenOthers)
            throw new FuzzFailure($"who only describes an image opens no other file, as '{name}' is");
        if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAny('/', '\0') >= 0)
            throw new FuzzFailure($"what lies beside an image has a bare name, not '{name}'");
        return OpenNamed(name);
    }

    public BlockStorage Open(string path) => throw new FuzzFailure($"nobody has consented to opening '{path}'");

    /// <summary>Opens the image's own file.</summary>
    internal FuzzStorage OpenMain() => OpenNamed(mutant.Main);

    /// <summary>A copy of the image's own file.</summary>
    internal SparseFuzzStorage Copy(byte[] bytes, bool canWrite = true) => new(Folder + mutant.Main, bytes, canWrite, meter);

    /// <summary>Opens the image without its backing file.</summary>
    internal DiskImage OpenLink(ImageFormat format, ImageOpenOptions options)
    {
        MayOpenOthers = options.WithData;
        return format.Open(OpenMain(), options with { Companions = this });
    }

    /// <summary>Opens the image with what it rests on.</summary>
    internal DiskImage OpenChain(ImageFormat format)
    {
        DiskImage top = OpenLink(format, ImageOpenOptions.Default);
        try
        {
            AttachChain(top);
            return top;
        }
        catch
        {
            top.Dispose();
            throw;
        }
    }

    /// <summary>Opens and attaches what an open image rests on.</summary>
    internal void AttachChain(DiskImage image)
    {
        HashSet<string> seen = [mutant.Main];
        while (image.BackingReference is { } reference)
        {
            string path = BackingNames.Resolve(reference, image.Path, isWanted: true, path => NameIn(path) is not null, HostPathRules.Current);
            if (!Path.IsPathRooted(path) || path.StartsWith("json:", StringComparison.Ordinal))
                throw new FuzzFailure($"a backing file has a literal path, not '{path}'");
            if (NameIn(path) is not { } name)
                throw new DiskImageException(ErrorKind.BackingFileMissing, "there is no such file", image.Path);
            if (!seen.Add(name) || seen.Count > DeepestChain)
                throw new DiskImageException(ErrorKind.BackingChainLoop, "the chain has no end", image.Path);
            DiskImage backing = OpenBacking(name, reference.Format);
            try
            {
                _ = image.CheckBacking(backing);
            }
            catch
            {
                backing.Dispose();
                throw;
            }

            image.AttachBacking(backing);
            image = backing;
        }
    }

    private DiskImage OpenBacking(string name, string? format)
    {
        FuzzStorage storage = OpenNamed(name);
        ImageFormat known = format is null ? FormatRegistry.Probe(storage, RawFallback.Anything, NullLogger.Instance) : FormatRegistry.ByName(format);
        return known.Open(storage, ImageOpenOptions.Default with { Companions = this });
    }

    private FuzzStorage OpenNamed(string name)
    {
        if (!mutant.Has(name))
            throw new DiskImageException(ErrorKind.ImageNotFound, "there is no such file", Folder + name);
        (byte[] bytes, int length) = mutant.Of(name);
        return new FuzzStorage(Folder + name, bytes, length, canWrite: false, meter);
    }

    private string? NameIn(string path)
        => path.StartsWith(Folder, StringComparison.Ordinal) && mutant.Has(path[Folder.Length..]) ? path[Folder.Length..] : null;
}
