using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Xunit;

namespace BattKomp.Lab.BrowserTests;

/// <summary>What a visitor does on the page, and what every page must hold.</summary>
public static class Visitor
{
    /// <summary>Opens the front page and signs in with the keyboard alone.</summary>
    public static async Task SignInAsync(this IPage page, string token)
    {
        await page.GotoAsync("/");
        await page.GetByLabel("Access token").FocusAsync();
        await page.Keyboard.TypeAsync(token);
        await page.Keyboard.PressAsync("Enter");
        await page.GetByText("Signed in as").WaitForAsync();
    }

    /// <summary>No rule of axe is broken, nothing scrolls sideways, and the browser complained about nothing.</summary>
    public static async Task HoldsUpAsync(this IPage page, IReadOnlyCollection<string> complaints)
    {
        var result = await page.RunAxe();
        Assert.Empty(result.Violations.Select(v => $"{v.Id}: {v.Help} ({string.Join("; ", v.Nodes.Select(n => n.Html))})"));
        Assert.NotEmpty(result.Passes);
        Assert.Equal(0, await page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"));
        Assert.Empty(complaints);
    }

    /// <summary>Collects console errors, refused loads and script errors from now on; a broken content policy shows here.</summary>
    public static List<string> Complaints(this IPage page)
    {
        var complaints = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") complaints.Add(message.Text);
        };
        page.PageError += (_, error) => complaints.Add(error);
        return complaints;
    }

    /// <summary>Keeps a picture when BATTLAB_SCREENSHOTS names a folder, for people to look at.</summary>
    public static async Task PictureAsync(this IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("BATTLAB_SCREENSHOTS") is { Length: > 0 } folder)
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, name + ".png"), FullPage = true });
    }
}
