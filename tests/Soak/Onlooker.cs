using System;
using System.IO;
using System.Linq;
using Qed.Operations;

namespace Qed.Tests.Soak;

/// <summary>Looks at images that others work on: it is never blocked by them where it only asks, and never finds damage.</summary>
internal sealed class Onlooker(string folder, int seed) : Role
{
    private readonly Random _random = new(seed);

    protected override string Name => "onlooker";

    protected override void Step()
    {
        string[] images = Directory.GetFiles(folder, "*.qed", SearchOption.AllDirectories);
        if (images.Length == 0)
            return;
        string image = images[_random.Next(images.Length)];
        try
        {
            Look(image);
        }
        catch (DiskImageException error) when (error.Kind is ErrorKind.ImageNotFound or ErrorKind.BackingFileMissing)
        {
            Count("(gone)");
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageInUse)
        {
            Count("(in use)");
        }
    }

    private void Look(string image)
    {
        switch (_random.Next(4))
        {
            case 0:
                Ask(image, "describe", () => DescribeImage.Run(new DescribeImageOptions { Path = image }));
                break;
            case 1:
                CheckResult check = Ask(image, "check online", () => CheckImage.Run(new CheckImageOptions { Path = image, Online = true }));
                if (check.Corruptions > 0)
                    throw new PromiseException($"an online check finds no damage, as {check.Issues[0]}");
                break;
            case 2:
                _ = MapImage.Run(new MapImageOptions { Path = image }).Count();
                Count("map");
                break;
            default:
                _ = HashImage.Run(new HashImageOptions { Path = image });
                Count("hash");
                break;
        }
    }

    /// <summary>Who only asks is never told that somebody uses the image.</summary>
    private T Ask<T>(string image, string name, Func<T> ask)
    {
        try
        {
            T answer = ask();
            Count(name);
            return answer;
        }
        catch (DiskImageException error) when (error.Kind == ErrorKind.ImageInUse)
        {
            throw new PromiseException($"'{image}' can be looked at ({name}) whoever uses it: {error.Message}");
        }
    }
}
