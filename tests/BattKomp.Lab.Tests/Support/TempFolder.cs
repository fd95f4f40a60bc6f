namespace BattKomp.Lab.Tests.Support;

/// <summary>A folder of its own under the temp path, deleted with everything in it.</summary>
public sealed class TempFolder : IDisposable
{
    /// <summary>The folder's full path.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("battlab-test-").FullName;

    /// <summary>A path in the folder.</summary>
    public string File(string name) => Path.Combine(Root, name);

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Root, recursive: true);
}
