import sys
src=open('drafts/stock_market_numbers.py').read()
s0=sys.argv[1]; start=sys.argv[2]
src=src.replace("seed: int = 0","seed: int = "+s0).replace('stocks.loc["1995":]','stocks.loc["%s":]'%start)
a,b=src.split("# %%  rules"); c=b.split("# %% direction")[1]
pre='positions=None\n'
d=c.split("from sklearn.linear_model")[0]; e=c.split("# %% cross-section")[1]
d+="\nfrom sklearn.linear_model import LogisticRegression\nfrom sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
e=e.replace('for nm in ("boosting",):','for nm in ("boosting","logistic"):')
exec(a+d+e)
